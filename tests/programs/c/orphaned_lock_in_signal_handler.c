/* H2: the child takes the lock inside a signal handler: the record comes out of there too.
 * expect: unsafe_fork ERROR function=fork fork=main locks=1 threads=1
 * expect: orphaned_lock FATAL call=pthread_mutex_lock in=on_signal blocking=true same_fork=yes
 * with: lock=mutex owner=keeper acquired=vault_open
 * suppress: unsafe_fork:vault_open
 * suppress: orphaned_lock:on_signal
 */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void vault_open(void) { MUST(pthread_mutex_lock(&vault)); }

static void on_signal(int number) {
    (void)number;
    MUST(pthread_mutex_lock(&vault));
}

static void *keeper(void *unused) {
    (void)unused;
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

int main(void) {
    struct sigaction action = {.sa_handler = on_signal};
    MUST(sigaction(SIGUSR1, &action, NULL));
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        raise(SIGUSR1);
        _exit(FINE);
    }
    return verdict(child);
}
