/* A mutex is released while its thread waits on a condition, in each way to wait: nobody holds it at the fork, and it
 * is the thread's again when it is woken.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
 * runs: {wait,timedwait,clockwait,c11_wait,c11_timedwait}
 */
#include "../program.h"
#include <threads.h>

static pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static mtx_t c11_mutex;
static cnd_t c11_condition;
static struct gate ready;
static const char *how;
static int woken;

static void *waiter(void *argument) {
    struct timespec deadline = in_an_hour();
    MUST(pthread_mutex_lock(&mutex));
    MUST(mtx_lock(&c11_mutex) != thrd_success);
    if (strncmp(how, "c11", 3) == 0) MUST(pthread_mutex_unlock(&mutex));
    else MUST(mtx_unlock(&c11_mutex) != thrd_success);
    gate_open(&ready);
    while (!woken) {
        if (is(how, "wait")) MUST(pthread_cond_wait(&condition, &mutex));
        if (is(how, "timedwait")) MUST(pthread_cond_timedwait(&condition, &mutex, &deadline));
        if (is(how, "clockwait")) MUST(pthread_cond_clockwait(&condition, &mutex, CLOCK_REALTIME, &deadline));
        if (is(how, "c11_wait")) MUST(cnd_wait(&c11_condition, &c11_mutex) != thrd_success);
        if (is(how, "c11_timedwait")) MUST(cnd_timedwait(&c11_condition, &c11_mutex, &deadline) != thrd_success);
    }
    /* It has its mutex again: who is no holder could not give it back. */
    if (strncmp(how, "c11", 3) == 0) MUST(mtx_unlock(&c11_mutex) != thrd_success);
    else MUST(pthread_mutex_unlock(&mutex));
    return argument;
}

/* Whoever gets both mutexes knows that the thread waits. */
static void take_both_and_give_back(void) {
    MUST(pthread_mutex_lock(&mutex));
    MUST(mtx_lock(&c11_mutex) != thrd_success);
    MUST(mtx_unlock(&c11_mutex) != thrd_success);
    MUST(pthread_mutex_unlock(&mutex));
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "wait";
    MUST(mtx_init(&c11_mutex, mtx_timed) != thrd_success);
    MUST(cnd_init(&c11_condition) != thrd_success);
    gate_make(&ready);
    pthread_t thread = start("waiter", waiter, &woken);
    gate_pass(&ready);
    take_both_and_give_back();
    pid_t child = fork();
    if (child == 0) {
        take_both_and_give_back();
        _exit(FINE);
    }
    int worst = verdict(child);
    void *result;
    MUST(pthread_mutex_lock(&mutex));
    MUST(mtx_lock(&c11_mutex) != thrd_success);
    woken = 1;
    MUST(pthread_cond_signal(&condition));
    MUST(cnd_signal(&c11_condition) != thrd_success);
    MUST(mtx_unlock(&c11_mutex) != thrd_success);
    MUST(pthread_mutex_unlock(&mutex));
    MUST(pthread_join(thread, &result));
    return result == &woken ? worst : BROKEN;
}
