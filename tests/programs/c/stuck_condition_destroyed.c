/* A child ends a condition that a lost thread waits for: libc waits until that thread has left it, which never happens.
 * expect: unsafe_fork WARN locks=0 threads=1
 * expect: stuck_child FATAL call=$1 object=condition in=end parent_tids=1 same_fork=yes
 * suppress: *:*
 * runs: {pthread_cond_destroy,cnd_destroy}
 */
#include "../program.h"
#include <threads.h>

static mtx_t mutex;
static cnd_t condition;
static volatile int waiter_id;

static void *waiter(void *unused) {
    (void)unused;
    MUST(mtx_lock(&mutex) != thrd_success);
    waiter_id = (int)syscall(SYS_gettid);
    for (;;) cnd_wait(&condition, &mutex);
}

static void end(const char *how) {
    if (is(how, "cnd_destroy")) cnd_destroy(&condition);
    else pthread_cond_destroy((pthread_cond_t *)&condition);
}

int main(int count, char **words) {
    char task[32];
    MUST(mtx_init(&mutex, mtx_plain) != thrd_success);
    MUST(cnd_init(&condition) != thrd_success);
    start("waiter", waiter, NULL);
    do {
        pause_milliseconds(1);
        snprintf(task, sizeof task, "self/task/%d", waiter_id);
    } while (waiter_id == 0 || !waits_for_ever(task));
    pid_t child = fork();
    if (child == 0) {
        end(count > 1 ? words[1] : "pthread_cond_destroy");
        _exit(FINE);
    }
    return verdict(child);
}
