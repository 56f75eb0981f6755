/* H1, H2: a pthread mutex, of each type and taken in each way, is held by another thread at the fork. The child needs it
 * and can never go on. (`orphaned_lock_priority` has those that inherit priorities.)
 * expect: unsafe_fork ERROR function=fork fork=main locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=vault_open
 * with: thread=keeper start=keeper created=main
 * expect: orphaned_lock FATAL call=pthread_mutex_lock lock=mutex owner=keeper acquired=vault_open in=main blocking=true same_fork=yes
 * suppress: unsafe_fork:vault_open
 * suppress: orphaned_lock:*
 * runs: {plain,recursive,errorcheck,adaptive,robust} {lock,trylock,timedlock,clocklock}
 */
#include "../program.h"

static pthread_mutex_t vault;
static struct gate held;
static const char *how;

static void vault_make(const char *type) {
    pthread_mutexattr_t attributes;
    MUST(pthread_mutexattr_init(&attributes));
    int number = is(type, "recursive") ? PTHREAD_MUTEX_RECURSIVE : is(type, "errorcheck") ? PTHREAD_MUTEX_ERRORCHECK
               : is(type, "adaptive") ? PTHREAD_MUTEX_ADAPTIVE_NP : PTHREAD_MUTEX_NORMAL;
    MUST(pthread_mutexattr_settype(&attributes, number));
    if (is(type, "robust")) MUST(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    MUST(pthread_mutex_init(&vault, &attributes));
}

static void vault_open(void) {
    struct timespec deadline = in_an_hour();
    if (is(how, "lock")) MUST(pthread_mutex_lock(&vault));
    if (is(how, "trylock")) MUST(pthread_mutex_trylock(&vault));
    if (is(how, "timedlock")) MUST(pthread_mutex_timedlock(&vault, &deadline));
    if (is(how, "clocklock")) MUST(pthread_mutex_clocklock(&vault, CLOCK_REALTIME, &deadline));
}

static void *keeper(void *unused) {
    (void)unused;
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

int main(int count, char **words) {
    how = count > 2 ? words[2] : "lock";
    vault_make(count > 1 ? words[1] : "plain");
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
