/* A child ends conditions that nobody waits for any more: one whose waiter was woken before the fork, and whose later waits timed out,
 * so that libc counts less than no waiters; and one of its own that a thread of its own waited for.
 * expect: at-most WARN
 * allow: thread_after_fork
 */
#include "../program.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t old = PTHREAD_COND_INITIALIZER, own = PTHREAD_COND_INITIALIZER;
static struct gate woken;
static int waiting, done;

static void *waiter(void *condition) {
    MUST(pthread_mutex_lock(&mutex));
    waiting = 1;
    while (!done) MUST(pthread_cond_wait(condition, &mutex));
    MUST(pthread_mutex_unlock(&mutex));
    gate_open(&woken);
    idle_for_ever();
}

static void wake(pthread_cond_t *condition) {
    MUST(pthread_mutex_lock(&mutex));
    while (!waiting) {
        MUST(pthread_mutex_unlock(&mutex));
        pause_milliseconds(1);
        MUST(pthread_mutex_lock(&mutex));
    }
    done = 1;
    MUST(pthread_cond_broadcast(condition) || pthread_mutex_unlock(&mutex));
    gate_pass(&woken);
}

/* glibc takes a wait that times out from a count to which it has not been added yet. */
static void time_out(pthread_cond_t *condition) {
    struct timespec past = {1, 0};
    MUST(pthread_mutex_lock(&mutex));
    if (pthread_cond_timedwait(condition, &mutex, &past) != ETIMEDOUT) broken("pthread_cond_timedwait");
    MUST(pthread_mutex_unlock(&mutex));
}

int main(void) {
    int status;
    gate_make(&woken);
    start("waiter", waiter, &old);
    wake(&old);
    time_out(&old);
    time_out(&old);
    pid_t child = fork();
    if (child == 0) {
        MUST(pthread_cond_destroy(&old));
        waiting = done = 0;
        start("own", waiter, &own);
        wake(&own);
        MUST(pthread_cond_destroy(&own));
        _exit(FINE);
    }
    if (waitpid(child, &status, 0) != child || status != 0) broken("child");
    say("child: fine");
    return FINE;
}
