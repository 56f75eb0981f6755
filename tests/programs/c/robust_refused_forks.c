/* The kernel refuses each of many forks, beside a thread that holds a lock, in a program with at-fork handlers: what the library
 * prepared for a child is given back each time.
 * expect: silent
 */
#include "../program.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

enum { FORKS = 200, FEW = 20 };

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void *keeper(void *unused) {
    (void)unused;
    MUST(pthread_mutex_lock(&vault));
    gate_open(&held);
    idle_for_ever();
}

static void nothing(void) {}

static int mappings(void) {
    char text[4096];
    int lines = 0, file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    ssize_t got;
    while ((got = read(file, text, sizeof text)) > 0)
        for (ssize_t at = 0; at < got; at++) lines += text[at] == '\n';
    close(file);
    return lines;
}

static void refuse_forks(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static void fork_in_vain(void) {
    if (fork() != -1 || errno != EAGAIN) broken("the fork was not refused");
}

int main(void) {
    MUST(pthread_atfork(NULL, NULL, nothing));
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    refuse_forks();
    fork_in_vain();
    int before = mappings();
    for (int forks = 0; forks < FORKS; forks++) fork_in_vain();
    if (mappings() - before > FEW) broken("mappings were left behind");
    return FINE;
}
