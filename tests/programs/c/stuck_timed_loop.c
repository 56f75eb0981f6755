/* A child waits in a loop of waits with a time-out for a condition that only a lost thread would signal: that thread takes its
 * mutex, too; or for a semaphore that it waits for. Each wait ends, the loop does not.
 * expect: unsafe_fork WARN locks=0 threads=1
 * expect: stuck_child ERROR call=$2 in=wait_in_vain same_fork=yes
 * suppress: *:*
 * runs: condition pthread_cond_timedwait
 * runs: clock pthread_cond_clockwait
 * runs: semaphore sem_timedwait
 */
#include "../program.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static struct gate up;
static int done;
static volatile int worker_id;

static void *worker(void *how) {
    worker_id = (int)syscall(SYS_gettid);
    MUST(pthread_mutex_lock(&mutex) || pthread_mutex_unlock(&mutex));
    if (is(how, "semaphore")) {
        gate_open(&up);
        sem_wait(&semaphore);
    }
    gate_open(&up);
    idle_for_ever();
}

static struct timespec soon(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    time.tv_nsec += 50000000;
    if (time.tv_nsec >= 1000000000) time.tv_sec++, time.tv_nsec -= 1000000000;
    return time;
}

static void wait_in_vain(const char *how) {
    MUST(pthread_mutex_lock(&mutex));
    while (!done) {
        struct timespec real = soon(CLOCK_REALTIME), monotonic = soon(CLOCK_MONOTONIC);
        if (is(how, "condition")) pthread_cond_timedwait(&condition, &mutex, &real);
        if (is(how, "clock")) pthread_cond_clockwait(&condition, &mutex, CLOCK_MONOTONIC, &monotonic);
        if (is(how, "semaphore")) sem_timedwait(&semaphore, &real);
    }
}

int main(int count, char **words) {
    char *how = count > 1 ? words[1] : "condition";
    char task[32];
    MUST(sem_init(&semaphore, 0, 0));
    gate_make(&up);
    start("worker", worker, how);
    gate_pass(&up);
    if (is(how, "semaphore")) {
        snprintf(task, sizeof task, "self/task/%d", worker_id);
        while (!waits_for_ever(task)) pause_milliseconds(1);
    }
    pid_t child = fork();
    if (child == 0) {
        wait_in_vain(how);
        _exit(FINE);
    }
    return verdict_on_loop(child);
}
