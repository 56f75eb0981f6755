/* A program that installs a seccomp filter which kills it at one system call, each in turn, and then locks, forks, creates
 * threads and lets a child use its eventfd: where it lives without the library, it lives with it. `in_child`: a child installs it.
 * expect: at-most ERROR
 * allow: unsafe_fork
 * records: maybe
 * suppress: *:*
 * runs: {prctl,seccomp,prctl_by_syscall,in_child}
 */
#include "../program.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

static const char *how;
static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER, other = PTHREAD_MUTEX_INITIALIZER;
static sem_t semaphore, held, done, early;

static void *keeper(void *unused) {
    MUST(pthread_mutex_lock(&vault));
    MUST(sem_post(&held));
    MUST(sem_wait(&done));
    MUST(pthread_mutex_unlock(&vault));
    return unused;
}

/* Alive before the filter is, and watched; it ends under it. */
static void *early_bird(void *unused) {
    MUST(sem_post(&held));
    MUST(sem_wait(&early));
    MUST(pthread_mutex_lock(&other));
    MUST(pthread_mutex_unlock(&other));
    return unused;
}

static void kill_at(int number) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xc000003e, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    if (is(how, "prctl") || is(how, "in_child")) MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    else if (is(how, "seccomp")) MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    else MUST(syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}

/* What the process does that lacks a call; it says by its status what went wrong. */
static int lacking(int number) {
    pthread_t bird, thread;
    int status = 0;
    MUST(sem_init(&semaphore, 0, 1) || sem_init(&held, 0, 0) || sem_init(&done, 0, 0) || sem_init(&early, 0, 0));
    MUST(pthread_create(&bird, NULL, early_bird, NULL));
    MUST(sem_wait(&held));
    int counter = eventfd(0, EFD_NONBLOCK);
    if (counter < 0) return 10;
    if (!is(how, "in_child")) kill_at(number);
    if (sem_post(&early) != 0 || pthread_join(bird, NULL) != 0) return 11;
    if (sem_wait(&semaphore) != 0 || pthread_create(&thread, NULL, keeper, NULL) != 0) return 12;
    if (sem_wait(&held) != 0) return 13;
    pid_t child = fork();
    if (child == 0) {
        if (is(how, "in_child")) kill_at(number);
        if (pthread_mutex_trylock(&vault) != EBUSY) _exit(1);
        _exit(eventfd_write(counter, 1) == 0 && write(counter, &(uint64_t){1}, 8) == 8 ? 0 : 2);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) return 14;
    if (status != 0) return 15;
    if (sem_post(&done) != 0 || pthread_join(thread, NULL) != 0) return 16;
    return sem_post(&semaphore) != 0 || pthread_mutex_lock(&vault) != 0 ? 17 : 0;
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "prctl";
    /* All system calls; some numbers are no call's. */
    for (int number = 0; number <= SYS_faccessat2; number++) {
        int status;
        if (number > SYS_statx && number < SYS_pidfd_send_signal) continue;
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            _exit(lacking(number));
        }
        if (child < 0 || waitpid(child, &status, 0) != child) broken("a process that lacks a call");
        if (status != 0) say("without system call %d: status %#x", number, (unsigned)status);
    }
    return FINE;
}
