/* H2: a library's child handler takes its own mutex, which another thread held at the fork: the child hangs before `fork`
 * has returned in it.
 * expect: unsafe_fork ERROR function=fork fork=main locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=vault_open
 * expect: orphaned_lock FATAL call=pthread_mutex_lock in=in_child blocking=true same_fork=yes
 * with: lock=mutex owner=keeper acquired=vault_open
 * suppress: unsafe_fork:vault_open
 * suppress: orphaned_lock:in_child
 */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void vault_open(void) { MUST(pthread_mutex_lock(&vault)); }

static void in_child(void) { MUST(pthread_mutex_lock(&vault)); }

static void *keeper(void *unused) {
    (void)unused;
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

int main(void) {
    MUST(pthread_atfork(NULL, NULL, in_child));
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}
