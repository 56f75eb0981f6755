/* H1, H2: a spinlock is held by another thread at the fork. The child waits for it and spins for ever.
 * expect: unsafe_fork ERROR function=fork fork=main locks=1 threads=1
 * with: lock=spinlock owner=keeper acquired=vault_open
 * with: thread=keeper start=keeper created=main
 * expect: orphaned_lock FATAL call=pthread_spin_lock lock=spinlock owner=keeper acquired=vault_open in=main blocking=true same_fork=yes
 * suppress: unsafe_fork:vault_open
 * suppress: orphaned_lock:*
 * runs: {lock,trylock}
 */
#include "../program.h"

static pthread_spinlock_t vault;
static struct gate held;
static const char *how;

static void vault_open(void) {
    if (is(how, "lock")) MUST(pthread_spin_lock(&vault));
    if (is(how, "trylock")) MUST(pthread_spin_trylock(&vault));
}

static void *keeper(void *unused) {
    (void)unused;
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "lock";
    MUST(pthread_spin_init(&vault, PTHREAD_PROCESS_PRIVATE));
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        pthread_spin_lock(&vault);
        _exit(FINE);
    }
    return verdict(child);
}
