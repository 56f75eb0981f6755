/* A program that has closed every descriptor forks, and then opens files of its own, which get the numbers 0 to 2: the
 * library must neither need a descriptor nor write into the program's.
 * expect: unsafe_fork ERROR fork=main locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=vault_open
 * runs: {before,after}
 */
#include "../program.h"
#include <sys/mman.h>

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void vault_open(void) { MUST(pthread_mutex_lock(&vault)); }

static void *keeper(void *unused) {
    (void)unused;
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

static void open_three(int file[3]) {
    for (int number = 0; number < 3; number++) {
        file[number] = memfd_create("own", 0);
        if (file[number] != number) _exit(BROKEN);
    }
}

int main(int count, char **words) {
    int status, file[3] = {0, 1, 2};
    const int first = count > 1 && is(words[1], "before");
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    int kept = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 900);
    for (int number = 0; number < 900; number++) close(number);
    if (first) open_three(file);
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    if (waitpid(child, &status, 0) != child || status != 0) _exit(BROKEN);
    if (!first) open_three(file);
    off_t written = lseek(0, 0, SEEK_END) + lseek(1, 0, SEEK_END);
    /* Standard error is where the report goes by default, whatever the program has made of it. */
    dup2(kept, STDOUT_FILENO);
    say("bytes in the program's own files: %ld", (long)written);
    return FINE;
}
