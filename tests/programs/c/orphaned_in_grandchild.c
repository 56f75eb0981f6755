/* H2: the child takes no lock, but its own child does: what was orphaned stays so for all that descend from the fork.
 * expect: unsafe_fork ERROR function=fork locks=1 threads=1
 * expect: orphaned_lock FATAL call=pthread_mutex_lock lock=mutex owner=keeper acquired=vault_open in=grandchild same_fork=yes
 * suppress: *:vault_open
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

static void grandchild(void) {
    MUST(pthread_mutex_lock(&vault));
    _exit(FINE);
}

int main(void) {
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        pid_t second = fork();
        if (second == 0) grandchild();
        /* The verdict on the grandchild; the child itself ends with it. */
        _exit(verdict(second) == REALISED ? FINE : BROKEN);
    }
    int end = verdict(child);
    return end == FINE ? REALISED : BROKEN;
}
