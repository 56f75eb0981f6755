/* Many threads at once, each with an argument and a result of its own, wait in each function there is for a condition, a
 * semaphore or a barrier, and are woken: all that were asked for come, each once, with what they were given.
 * expect: silent
 */
#include "../program.h"
#include <threads.h>

enum { CREATORS = 4, EACH = 200, WAITERS = 4, WAYS = 5 };
#define TELL(call) do { errno = 1234; long result = (long)(call); say("%s: %ld, errno %d", #call, result, errno); } while (0)

struct work {
    int number, times;
    pthread_t self;
};

static struct work all[CREATORS][EACH];

static void *work(void *argument) {
    struct work *own = argument;
    own->times++;
    own->self = pthread_self();
    return (char *)argument + own->number;
}

static int c11_work(void *argument) {
    struct work *own = argument;
    own->times++;
    own->self = pthread_self();
    return own->number;
}

/* Makes threads at the same time as its like do; each is to run what it was made for. */
static void *create(void *argument) {
    struct work *own = argument;
    for (int each = 0; each < EACH; each++) {
        own[each].number = (int)(&own[each] - &all[0][0]) + 1;
        if (each % 4 == 3) {
            thrd_t thread;
            int result;
            errno = 1234;
            MUST(thrd_create(&thread, c11_work, &own[each]) != thrd_success || errno != 1234);
            pthread_t known = (pthread_t)thread;
            MUST(thrd_join(thread, &result) != thrd_success);
            if (result != own[each].number || !pthread_equal(known, own[each].self)) broken("thrd_create");
        } else {
            pthread_t thread;
            void *result;
            errno = 1234;
            MUST(pthread_create(&thread, NULL, work, &own[each]) || errno != 1234);
            MUST(pthread_join(thread, &result));
            if (result != (char *)&own[each] + own[each].number || !pthread_equal(thread, own[each].self))
                broken("pthread_create");
        }
    }
    return argument;
}

static void create_all(void) {
    pthread_t creators[CREATORS];
    int once = 0;
    for (int number = 0; number < CREATORS; number++) MUST(pthread_create(&creators[number], NULL, create, all[number]));
    for (int number = 0; number < CREATORS; number++) {
        void *result;
        MUST(pthread_join(creators[number], &result));
        if (result != all[number]) broken("a creator's result");
    }
    for (int number = 0; number < CREATORS; number++)
        for (int each = 0; each < EACH; each++) once += all[number][each].times == 1;
    say("%d threads ran once each", once);
}

static size_t stack_of_own(void) {
    pthread_attr_t attributes;
    size_t size;
    MUST(pthread_getattr_np(pthread_self(), &attributes));
    MUST(pthread_attr_getstacksize(&attributes, &size));
    MUST(pthread_attr_destroy(&attributes));
    return size;
}

static void *tells_stack(void *argument) {
    *(size_t *)argument = stack_of_own();
    return argument;
}

/* Its attributes count; and where none can be made, that is said. */
static void create_with_attributes(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    size_t size = 0;
    MUST(pthread_attr_init(&attributes));
    MUST(pthread_attr_setstacksize(&attributes, 1 << 20));
    TELL(pthread_create(&thread, &attributes, tells_stack, &size));
    TELL(pthread_join(thread, NULL));
    say("a stack of %zu bytes", size);
    MUST(pthread_attr_setstacksize(&attributes, (size_t)1 << 50));
    TELL(pthread_create(&thread, &attributes, tells_stack, &size));
}

static struct waiter {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    mtx_t c11_mutex;
    cnd_t c11_condition;
    sem_t semaphore;
    int way, woken;
    struct gate waits;
} waiters[WAITERS];
static pthread_barrier_t barrier;
static struct timespec past = {1, 0}, later;

static void *waits(void *argument) {
    struct waiter *own = argument;
    MUST(pthread_mutex_lock(&own->mutex));
    MUST(mtx_lock(&own->c11_mutex) != thrd_success);
    gate_open(&own->waits);
    while (own->woken == 0) {
        int result = 0;
        errno = 1234;
        if (own->way == 0) result = pthread_cond_wait(&own->condition, &own->mutex);
        if (own->way == 1) result = pthread_cond_timedwait(&own->condition, &own->mutex, &later);
        if (own->way == 2) result = pthread_cond_clockwait(&own->condition, &own->mutex, CLOCK_REALTIME, &later);
        if (own->way == 3) result = cnd_wait(&own->c11_condition, &own->c11_mutex) != thrd_success;
        if (own->way == 4) result = cnd_timedwait(&own->c11_condition, &own->c11_mutex, &later) != thrd_success;
        if (result != 0 || errno != 1234) broken("a wait that was woken");
    }
    own->woken++;
    MUST(mtx_unlock(&own->c11_mutex) != thrd_success);
    MUST(pthread_mutex_unlock(&own->mutex));
    /* All but one get this result. */
    errno = 1234;
    int last = pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
    if (errno != 1234) broken("errno");
    return last ? NULL : argument;
}

static void wake_all(int way) {
    pthread_t threads[WAITERS];
    int own = 0, serial = 0, woken = 0;
    for (int number = 0; number < WAITERS; number++) {
        waiters[number].way = way;
        waiters[number].woken = 0;
        MUST(pthread_create(&threads[number], NULL, waits, &waiters[number]));
    }
    for (int number = 0; number < WAITERS; number++) {
        struct waiter *one = &waiters[number];
        gate_pass(&one->waits);
        /* It gives its mutex back while it waits, or this would last for ever. */
        if (way < 3) MUST(pthread_mutex_lock(&one->mutex));
        else MUST(mtx_lock(&one->c11_mutex) != thrd_success);
        one->woken = 1;
        if (way < 3) MUST(pthread_cond_signal(&one->condition));
        else MUST((number % 2 ? cnd_broadcast : cnd_signal)(&one->c11_condition) != thrd_success);
        if (way < 3) MUST(pthread_mutex_unlock(&one->mutex));
        else MUST(mtx_unlock(&one->c11_mutex) != thrd_success);
    }
    for (int number = 0; number < WAITERS; number++) {
        void *result;
        MUST(pthread_join(threads[number], &result));
        own += result == &waiters[number];
        serial += result == NULL;
        woken += waiters[number].woken == 2;
    }
    say("way %d: %d woken, %d with what they were given, %d last at the barrier", way, woken, own, serial);
}

static void time_out(void) {
    struct waiter *one = &waiters[0];
    MUST(pthread_mutex_lock(&one->mutex));
    MUST(mtx_lock(&one->c11_mutex) != thrd_success);
    TELL(pthread_cond_timedwait(&one->condition, &one->mutex, &past));
    TELL(pthread_cond_clockwait(&one->condition, &one->mutex, CLOCK_MONOTONIC, &past));
    TELL(pthread_cond_clockwait(&one->condition, &one->mutex, 99, &past));
    TELL(cnd_timedwait(&one->c11_condition, &one->c11_mutex, &past));
    TELL(pthread_mutex_unlock(&one->mutex));
    TELL(mtx_unlock(&one->c11_mutex));
}

static void *posts(void *argument) {
    for (int round = 0; round < 100; round++) MUST(sem_post(argument));
    return argument;
}

static void interrupt(int number) { (void)number; }

static void *interrupts(void *argument) {
    char task[64];
    snprintf(task, sizeof task, "self/task/%d", (int)getpid());
    while (!waits_for_ever(task)) pause_milliseconds(1);
    MUST(pthread_kill(*(pthread_t *)argument, SIGUSR1));
    return argument;
}

/* A signal ends the wait for a semaphore, and nothing is taken. */
static void interrupted(void) {
    struct sigaction action = {.sa_handler = interrupt};
    pthread_t own = pthread_self(), thread;
    MUST(sigaction(SIGUSR1, &action, NULL));
    MUST(pthread_create(&thread, NULL, interrupts, &own));
    TELL(sem_wait(&waiters[0].semaphore));
    MUST(pthread_join(thread, NULL));
}

/* What is posted is taken, as often, and no more. */
static void post_all(void) {
    pthread_t threads[WAITERS];
    for (int number = 0; number < WAITERS; number++)
        MUST(pthread_create(&threads[number], NULL, posts, &waiters[number].semaphore));
    for (int round = 0; round < 100; round++)
        for (int number = 0; number < WAITERS; number++) {
            sem_t *semaphore = &waiters[number].semaphore;
            if (round % 3 == 0) MUST(sem_wait(semaphore));
            if (round % 3 == 1) MUST(sem_timedwait(semaphore, &later));
            if (round % 3 == 2) MUST(sem_clockwait(semaphore, CLOCK_REALTIME, &later));
        }
    for (int number = 0; number < WAITERS; number++) {
        MUST(pthread_join(threads[number], NULL));
        TELL(sem_trywait(&waiters[number].semaphore));
    }
}

static pthread_cond_t condition, another;
static pthread_mutex_t condition_mutex = PTHREAD_MUTEX_INITIALIZER;
static int waiting, condition_woken;

static void *waits_for_broadcast(void *argument) {
    MUST(pthread_mutex_lock(&condition_mutex));
    waiting++;
    while (!condition_woken) MUST(pthread_cond_wait(&condition, &condition_mutex));
    MUST(pthread_mutex_unlock(&condition_mutex));
    return argument;
}

/* What lies where a condition is made may be anything; and one that is ended is marked, which only its memory says. */
static void conditions(void) {
    pthread_t threads[2];
    pthread_cond_t before;
    pthread_condattr_t monotonic;
    struct timespec now;
    memset(&condition, 0xa5, sizeof condition);
    MUST(pthread_condattr_init(&monotonic) || pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC));
    TELL(pthread_cond_init(&another, &monotonic));
    TELL(pthread_cond_init(&condition, NULL));
    /* By the other clock, this time would be years ahead. */
    MUST(clock_gettime(CLOCK_REALTIME, &now));
    MUST(pthread_mutex_lock(&condition_mutex));
    TELL(pthread_cond_timedwait(&condition, &condition_mutex, &now));
    MUST(pthread_mutex_unlock(&condition_mutex));
    for (long number = 0; number < 2; number++)
        MUST(pthread_create(&threads[number], NULL, waits_for_broadcast, (void *)number));
    for (int all = 0; !all;) {
        MUST(pthread_mutex_lock(&condition_mutex));
        all = waiting == 2;
        MUST(pthread_mutex_unlock(&condition_mutex));
    }
    MUST(pthread_mutex_lock(&condition_mutex));
    condition_woken = 1;
    TELL(pthread_cond_signal(&another));
    TELL(pthread_cond_broadcast(&another));
    TELL(pthread_cond_broadcast(&condition));
    MUST(pthread_mutex_unlock(&condition_mutex));
    for (long number = 0; number < 2; number++) {
        void *result;
        MUST(pthread_join(threads[number], &result));
        if (result != (void *)number) broken("a waiter's result");
    }
    before = another;
    TELL(pthread_cond_destroy(&condition));
    TELL(pthread_cond_destroy(&another));
    say("the ended one is marked: %d", memcmp(&before, &another, sizeof before) != 0);
}

int main(void) {
    later = in_an_hour();
    MUST(pthread_barrier_init(&barrier, NULL, WAITERS));
    for (int number = 0; number < WAITERS; number++) {
        struct waiter *one = &waiters[number];
        MUST(pthread_mutex_init(&one->mutex, NULL));
        MUST(pthread_cond_init(&one->condition, NULL));
        MUST(mtx_init(&one->c11_mutex, mtx_plain) != thrd_success);
        MUST(cnd_init(&one->c11_condition) != thrd_success);
        MUST(sem_init(&one->semaphore, 0, 0));
        gate_make(&one->waits);
    }
    create_all();
    create_with_attributes();
    conditions();
    for (int way = 0; way < WAYS; way++) wake_all(way);
    time_out();
    interrupted();
    post_all();
    return FINE;
}
