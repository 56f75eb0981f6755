/* Forks that waiting cannot make safe: they happen as they would have, and soon.
 * own: the holder waits for what the forking thread holds. spins: it does so without sleeping.
 * for_ever: the lock is never released. handler: the fork is made in a signal handler, which never waits.
 * expect: unsafe_fork ERROR function=fork locks=1 lock=mutex owner=holder acquired=holder
 * expect: orphaned_lock FATAL call=pthread_mutex_lock owner=holder blocking=true same_fork=yes
 * runs: {own,spins,for_ever,handler}
 */
#include "../program.h"

static const char *how;
static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER, other = PTHREAD_MUTEX_INITIALIZER;
static pthread_spinlock_t spinlock;
static struct gate held, done;
static volatile pid_t holder_tid;
static volatile sig_atomic_t result = BROKEN;

static void *holder(void *unused) {
    (void)unused;
    holder_tid = (pid_t)syscall(SYS_gettid);
    MUST(pthread_mutex_lock(&vault));
    if (is(how, "own")) {
        gate_open(&held);
        MUST(pthread_mutex_lock(&other));
        MUST(pthread_mutex_unlock(&other));
    } else if (is(how, "spins")) {
        gate_open(&held);
        MUST(pthread_spin_lock(&spinlock));
        MUST(pthread_spin_unlock(&spinlock));
    } else {
        gate_open(&held);
        gate_pass(&done);
    }
    MUST(pthread_mutex_unlock(&vault));
    return NULL;
}

static void fork_now(int signal) {
    (void)signal;
    pid_t child = fork();
    if (child == 0) {
        MUST(pthread_mutex_lock(&vault));
        _exit(FINE);
    }
    result = verdict(child);
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "for_ever";
    gate_make(&held);
    gate_make(&done);
    if (is(how, "own")) MUST(pthread_mutex_lock(&other));
    MUST(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE));
    if (is(how, "spins")) MUST(pthread_spin_lock(&spinlock));
    pthread_t thread = start("holder", holder, NULL);
    gate_pass(&held);
    if (is(how, "own")) {
        char task[64];
        snprintf(task, sizeof task, "%d/task/%d", (int)getpid(), (int)holder_tid);
        while (!waits_for_ever(task)) pause_milliseconds(1);
    }
    if (is(how, "handler")) {
        signal(SIGUSR1, fork_now);
        raise(SIGUSR1);
    } else {
        fork_now(0);
    }
    if (is(how, "own")) MUST(pthread_mutex_unlock(&other));
    if (is(how, "spins")) MUST(pthread_spin_unlock(&spinlock));
    gate_open(&done);
    MUST(pthread_join(thread, NULL));
    return result;
}
