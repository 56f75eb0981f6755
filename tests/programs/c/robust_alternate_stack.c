/* Locks taken by a signal handler on an alternate stack, while the interrupted code holds another: both are reported while the
 * handler runs; nothing is left when it has returned.
 * expect: unsafe_fork ERROR fork=fork_during_handler locks=2 threads=1
 * with: lock=mutex owner=keeper acquired=keeper
 * with: lock=mutex owner=keeper acquired=handler
 * expect: unsafe_fork WARN fork=fork_after_handler locks=0 threads=1
 */
#include "../program.h"

static pthread_mutex_t outer = PTHREAD_MUTEX_INITIALIZER, inner = PTHREAD_MUTEX_INITIALIZER;
static struct gate held, release, done;

static void handler(int number) {
    (void)number;
    MUST(pthread_mutex_lock(&inner));
    gate_open(&held);
    gate_pass(&release);
    MUST(pthread_mutex_unlock(&inner));
}

static void *keeper(void *unused) {
    (void)unused;
    stack_t alternate = {.ss_size = 64 * 1024};
    alternate.ss_sp = malloc(alternate.ss_size);
    MUST(sigaltstack(&alternate, NULL));
    MUST(pthread_mutex_lock(&outer));
    MUST(pthread_kill(pthread_self(), SIGUSR1));
    MUST(pthread_mutex_unlock(&outer));
    gate_open(&done);
    idle_for_ever();
}

static int fork_during_handler(void) {
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}

static int fork_after_handler(void) {
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}

int main(void) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    gate_make(&held);
    gate_make(&release);
    gate_make(&done);
    MUST(sigaction(SIGUSR1, &action, NULL));
    start("keeper", keeper, NULL);
    gate_pass(&held);
    int during = fork_during_handler();
    gate_open(&release);
    gate_pass(&done);
    return during | fork_after_handler();
}
