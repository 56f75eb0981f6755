/* The page of a mutex is unmapped while another thread holds it: the fork must not read it unguarded.
 * expect: at-most ERROR
 * expect: unsafe_fork fork=main threads=1
 * suppress: unsafe_fork:*
 * runs: {unmapped,unreadable,file_shrunk}
 */
#include "../program.h"
#include <sys/mman.h>

static pthread_mutex_t *vault;
static struct gate held;

static void *keeper(void *unused) {
    (void)unused;
    MUST(pthread_mutex_lock(vault));
    gate_open(&held);
    idle_for_ever();
}

int main(int count, char **words) {
    const char *how = count > 1 ? words[1] : "unmapped";
    int file = memfd_create("vault", MFD_CLOEXEC);
    if (file < 0) broken("memfd_create");
    MUST(ftruncate(file, 4096));
    vault = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (is(how, "file_shrunk")) vault = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (vault == MAP_FAILED) broken("mmap");
    MUST(pthread_mutex_init(vault, NULL));
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    if (is(how, "unmapped")) MUST(munmap(vault, 4096));
    if (is(how, "unreadable")) MUST(mprotect(vault, 4096, PROT_NONE));
    if (is(how, "file_shrunk")) MUST(ftruncate(file, 0));
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}
