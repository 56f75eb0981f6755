/* H1, H2: a recursive mutex that was taken three times and released twice is still held: one lock, reported once.
 * expect: unsafe_fork ERROR fork=main locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=vault_open
 * expect: orphaned_lock FATAL call=pthread_mutex_lock lock=mutex owner=keeper acquired=vault_open in=main same_fork=yes
 */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct gate held;

static void vault_open(void) { MUST(pthread_mutex_lock(&vault)); }

static void *keeper(void *unused) {
    (void)unused;
    for (int depth = 0; depth < 3; depth++) vault_open();
    for (int depth = 0; depth < 2; depth++) MUST(pthread_mutex_unlock(&vault));
    gate_open(&held);
    idle_for_ever();
}

int main(void) {
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
