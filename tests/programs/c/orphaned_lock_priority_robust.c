/* H2: a mutex that inherits priority and is robust. Its kind makes libc ask the kernel as for one that processes share, and the kernel
 * waits for the owner, a thread of the parent.
 * expect: unsafe_fork ERROR locks=1 threads=1
 * expect: orphaned_lock FATAL call=pthread_mutex_lock owner=keeper acquired=vault_open blocking=true same_fork=yes
 * suppress: unsafe_fork:*
 * suppress: orphaned_lock:*
 */
#include "../program.h"

static pthread_mutex_t vault;
static struct gate held;

static void vault_open(void) { MUST(pthread_mutex_lock(&vault)); }

static void *keeper(void *unused) {
    (void)unused;
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

int main(void) {
    pthread_mutexattr_t attributes;
    MUST(pthread_mutexattr_init(&attributes));
    MUST(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT));
    MUST(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    MUST(pthread_mutex_init(&vault, &attributes));
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(&vault);
        _exit(FINE);
    }
    return verdict(child);
}
