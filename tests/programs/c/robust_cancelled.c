/* A thread is cancelled inside each blocking call that is a cancellation point. Its cleanup handlers run, the mutex of a
 * condition wait is its own again while they do, and nothing is left held.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
 * runs: {cond_wait,cond_timedwait,cond_clockwait,cnd_wait,cnd_timedwait,sem_wait,sem_timedwait,sem_clockwait}
 */
#include "../program.h"
#include <threads.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static mtx_t c11_mutex;
static cnd_t c11_condition;
static sem_t semaphore;
static struct gate ready;
static const char *how;
static pid_t blocked;
static int cleaned;

static void clean(void *unused) {
    (void)unused;
    cleaned++;
    MUST(mtx_unlock(&c11_mutex) != thrd_success);
    MUST(pthread_mutex_unlock(&mutex));
}

static void *blocker(void *unused) {
    struct timespec deadline = in_an_hour();
    blocked = (pid_t)syscall(SYS_gettid);
    MUST(pthread_mutex_lock(&mutex));
    MUST(mtx_lock(&c11_mutex) != thrd_success);
    pthread_cleanup_push(clean, NULL);
    gate_open(&ready);
    for (;;) {
        if (is(how, "cond_wait")) pthread_cond_wait(&condition, &mutex);
        if (is(how, "cond_timedwait")) pthread_cond_timedwait(&condition, &mutex, &deadline);
        if (is(how, "cond_clockwait")) pthread_cond_clockwait(&condition, &mutex, CLOCK_REALTIME, &deadline);
        if (is(how, "cnd_wait")) cnd_wait(&c11_condition, &c11_mutex);
        if (is(how, "cnd_timedwait")) cnd_timedwait(&c11_condition, &c11_mutex, &deadline);
        if (is(how, "sem_wait")) sem_wait(&semaphore);
        if (is(how, "sem_timedwait")) sem_timedwait(&semaphore, &deadline);
        if (is(how, "sem_clockwait")) sem_clockwait(&semaphore, CLOCK_REALTIME, &deadline);
    }
    pthread_cleanup_pop(0);
    return unused;
}

static void *idler(void *unused) {
    (void)unused;
    gate_open(&ready);
    idle_for_ever();
}

/* Waits until the thread sleeps in the kernel: cancelled before that, it would prove less. */
static void sleeps(pid_t task) {
    char path[64], text[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", (int)task);
    while (read_text(path, text, sizeof text) != 0 || strtol(text, NULL, 10) != SYS_futex) pause_milliseconds(1);
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "cond_wait";
    MUST(sem_init(&semaphore, 0, 0));
    MUST(mtx_init(&c11_mutex, mtx_timed) != thrd_success);
    MUST(cnd_init(&c11_condition) != thrd_success);
    gate_make(&ready);
    for (int round = 0; round < 10; round++) {
        void *result;
        pthread_t thread = start("blocker", blocker, NULL);
        gate_pass(&ready);
        sleeps(blocked);
        MUST(pthread_cancel(thread));
        MUST(pthread_join(thread, &result));
        if (result != PTHREAD_CANCELED || cleaned != round + 1) broken("cancellation");
        MUST(pthread_mutex_lock(&mutex));
        MUST(pthread_mutex_unlock(&mutex));
    }
    start("idler", idler, NULL);
    gate_pass(&ready);
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    say("cancelled and cleaned %d times", cleaned);
    return verdict(child);
}
