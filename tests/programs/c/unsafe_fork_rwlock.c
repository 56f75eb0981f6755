/* H1, H2: a read-write lock, taken for reading or for writing and in each way, is held by another thread at the fork. The
 * child wants it for writing and waits for ever.
 * expect: unsafe_fork ERROR function=fork fork=main locks=1 threads=1
 * with: lock=rwlock_$1 owner=keeper acquired=vault_open
 * with: thread=keeper start=keeper created=main
 * expect: orphaned_lock FATAL call=pthread_rwlock_wrlock owner=keeper acquired=vault_open in=main blocking=true same_fork=yes
 * suppress: unsafe_fork:vault_open
 * suppress: orphaned_lock:*
 * runs: {read,write} {lock,trylock,timedlock,clocklock}
 */
#include "../program.h"

static pthread_rwlock_t vault = PTHREAD_RWLOCK_INITIALIZER;
static struct gate held;
static const char *purpose, *how;

static void vault_open(void) {
    struct timespec deadline = in_an_hour();
    if (is(purpose, "read")) {
        if (is(how, "lock")) MUST(pthread_rwlock_rdlock(&vault));
        if (is(how, "trylock")) MUST(pthread_rwlock_tryrdlock(&vault));
        if (is(how, "timedlock")) MUST(pthread_rwlock_timedrdlock(&vault, &deadline));
        if (is(how, "clocklock")) MUST(pthread_rwlock_clockrdlock(&vault, CLOCK_REALTIME, &deadline));
    } else {
        if (is(how, "lock")) MUST(pthread_rwlock_wrlock(&vault));
        if (is(how, "trylock")) MUST(pthread_rwlock_trywrlock(&vault));
        if (is(how, "timedlock")) MUST(pthread_rwlock_timedwrlock(&vault, &deadline));
        if (is(how, "clocklock")) MUST(pthread_rwlock_clockwrlock(&vault, CLOCK_REALTIME, &deadline));
    }
}

static void *keeper(void *unused) {
    (void)unused;
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

int main(int count, char **words) {
    purpose = count > 1 ? words[1] : "read";
    how = count > 2 ? words[2] : "lock";
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        pthread_rwlock_wrlock(&vault);
        _exit(FINE);
    }
    return verdict(child);
}
