/* The holder waits for another thread, which waits at the gate: the fork goes on soon, and both threads with it. Whether they are done when the
 * child is made is open.
 * expect: unsafe_fork ERROR function=fork locks=1 lock=mutex owner=holder acquired=holder
 * allow: unsafe_fork WARN
 * allow: orphaned_lock FATAL
 * records: maybe
 */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER, third = PTHREAD_MUTEX_INITIALIZER, other = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t is_done = PTHREAD_COND_INITIALIZER;
static struct gate held, end;
static volatile int helper_goes_on;
static volatile pid_t holder_tid;

static void *holder(void *unused) {
    holder_tid = (pid_t)syscall(SYS_gettid);
    MUST(pthread_mutex_lock(&vault));
    MUST(pthread_mutex_lock(&third));
    gate_open(&held);
    MUST(pthread_cond_wait(&is_done, &third));
    MUST(pthread_mutex_unlock(&third));
    MUST(pthread_mutex_unlock(&vault));
    gate_pass(&end);
    return unused;
}

/* Only after a lock of its own does it let the holder go on. */
static void *helper(void *unused) {
    while (!helper_goes_on) {}
    MUST(pthread_mutex_lock(&other));
    MUST(pthread_mutex_unlock(&other));
    MUST(pthread_cond_signal(&is_done));
    gate_pass(&end);
    return unused;
}

int main(void) {
    char task[64];
    gate_make(&held);
    gate_make(&end);
    pthread_t threads[] = {start("holder", holder, NULL), start("helper", helper, NULL)};
    gate_pass(&held);
    snprintf(task, sizeof task, "%d/task/%d", (int)getpid(), (int)holder_tid);
    while (!waits_for_ever(task)) pause_milliseconds(1);
    helper_goes_on = 1;
    pid_t child = fork();
    if (child == 0) {
        MUST(pthread_mutex_lock(&vault));
        _exit(FINE);
    }
    int result = verdict(child);
    for (int thread = 0; thread < 2; thread++) gate_open(&end);
    for (int thread = 0; thread < 2; thread++) MUST(pthread_join(threads[thread], NULL));
    return result;
}
