/* The child waits, with a time-out, for what only a thread of the parent would have done: each wait ends by itself.
 * expect: at-most WARN
 * expect: unsafe_fork WARN function=fork fork=main locks=0 threads=1
 * runs: condition {timed,clock,c11}
 * runs: semaphore {timed,clock}
 * runs: futex {relative,absolute}
 */
#include "../program.h"
#include <linux/futex.h>
#include <threads.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static mtx_t c11_mutex;
static cnd_t c11_condition;
static sem_t semaphore;
static int word;
static struct gate ready;

static void *idler(void *unused) {
    (void)unused;
    gate_open(&ready);
    idle_for_ever();
}

static struct timespec soon(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    time.tv_nsec += 20000000;
    if (time.tv_nsec >= 1000000000) time.tv_sec++, time.tv_nsec -= 1000000000;
    return time;
}

static int on_condition(const char *how) {
    struct timespec real = soon(CLOCK_REALTIME), monotonic = soon(CLOCK_MONOTONIC);
    int result = 0;
    if (is(how, "c11")) {
        MUST(mtx_lock(&c11_mutex) != thrd_success);
        while (result != thrd_timedout) result = cnd_timedwait(&c11_condition, &c11_mutex, &real);
        return ETIMEDOUT;
    }
    MUST(pthread_mutex_lock(&mutex));
    while (result == 0) {
        result = is(how, "timed") ? pthread_cond_timedwait(&condition, &mutex, &real)
                                  : pthread_cond_clockwait(&condition, &mutex, CLOCK_MONOTONIC, &monotonic);
    }
    return result;
}

static int on_semaphore(const char *how) {
    struct timespec real = soon(CLOCK_REALTIME), monotonic = soon(CLOCK_MONOTONIC);
    int result = is(how, "timed") ? sem_timedwait(&semaphore, &real) : sem_clockwait(&semaphore, CLOCK_MONOTONIC, &monotonic);
    return result == 0 ? 0 : errno;
}

static int on_futex(const char *how) {
    struct timespec relative = {0, 20000000}, absolute = soon(CLOCK_MONOTONIC);
    long result = is(how, "relative")
                      ? syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &relative)
                      : syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &absolute, NULL, FUTEX_BITSET_MATCH_ANY);
    return result == 0 ? 0 : errno;
}

int main(int count, char **words) {
    const char *object = count > 1 ? words[1] : "condition", *how = count > 2 ? words[2] : "timed";
    MUST(mtx_init(&c11_mutex, mtx_timed) != thrd_success);
    MUST(cnd_init(&c11_condition) != thrd_success);
    MUST(sem_init(&semaphore, 0, 0));
    gate_make(&ready);
    start("idler", idler, NULL);
    gate_pass(&ready);
    pid_t child = fork();
    if (child == 0) {
        int result = is(object, "condition") ? on_condition(how) : is(object, "semaphore") ? on_semaphore(how) : on_futex(how);
        _exit(result == ETIMEDOUT ? FINE : BROKEN);
    }
    return verdict(child);
}
