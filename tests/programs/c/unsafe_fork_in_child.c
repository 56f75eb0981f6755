/* H1: the child of a safe fork starts a thread that takes a lock, and forks in turn: the child is watched like its parent.
 * expect: unsafe_fork ERROR fork=second_generation locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=vault_open
 * expect: orphaned_lock FATAL call=pthread_mutex_lock lock=mutex owner=keeper acquired=vault_open in=second_generation same_fork=yes
 * allow: thread_after_fork
 */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void vault_open(void) { MUST(pthread_mutex_lock(&vault)); }

static void *keeper(void *unused) {
    (void)unused;
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

static int second_generation(void) {
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(&vault);
        _exit(FINE);
    }
    return verdict(child);
}

int main(void) {
    int status;
    gate_make(&held);
    pid_t child = fork();
    if (child == 0) exit(second_generation());
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) broken("waitpid");
    return WEXITSTATUS(status);
}
