/* Conditions by the names that programs of before glibc 2.3.2 link to, and so does what is linked without libc (Valgrind's
 * DRD): libc keeps another form of a condition for these. All calls for one condition must come to one form of it.
 * processor: x86-64
 * expect: at-most WARN
 * allow: unsafe_fork WARN
 */
#include "../program.h"

#define OLD(name) __asm__(".symver old_" #name ", pthread_cond_" #name "@GLIBC_2.2.5")
OLD(init);
OLD(destroy);
OLD(wait);
OLD(timedwait);
OLD(signal);
OLD(broadcast);
int old_init(pthread_cond_t *, const pthread_condattr_t *);
int old_destroy(pthread_cond_t *);
int old_wait(pthread_cond_t *, pthread_mutex_t *);
int old_timedwait(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
int old_signal(pthread_cond_t *);
int old_broadcast(pthread_cond_t *);

enum { TURNS = 200, THREADS = 3 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER, made;
static int turn, passed[THREADS], ended;

/* Each thread waits for its turn, and hands it on. */
static void *takes_turns(void *number) {
    int own = (int)(long)number;
    MUST(pthread_mutex_lock(&mutex));
    for (int round = 0; round < TURNS; round++) {
        while (turn != own) MUST(old_wait(&changed, &mutex));
        turn = (turn + 1) % THREADS;
        passed[own]++;
        MUST(old_broadcast(&changed));
    }
    ended++;
    MUST(old_signal(&made));
    MUST(pthread_mutex_unlock(&mutex));
    return number;
}

int main(void) {
    pthread_t threads[THREADS];
    struct timespec past = {1, 0};
    /* What lies there may be anything: to make a condition is to write all of it. */
    memset(&made, 0xa5, sizeof made);
    MUST(old_init(&made, NULL));
    for (long own = 0; own < THREADS; own++) threads[own] = start("turns", takes_turns, (void *)own);
    MUST(pthread_mutex_lock(&mutex));
    /* Another thread's broadcast may end the wait first. */
    int result;
    while ((result = old_timedwait(&changed, &mutex, &past)) == 0) {}
    MUST(result != ETIMEDOUT);
    while (ended < THREADS) MUST(old_wait(&made, &mutex));
    MUST(pthread_mutex_unlock(&mutex));
    for (long own = 0; own < THREADS; own++) {
        void *result;
        MUST(pthread_join(threads[own], &result));
        if (result != (void *)own || passed[own] != TURNS) broken("turns");
    }
    MUST(old_destroy(&made));
    MUST(old_destroy(&changed));
    return say("%d turns each", TURNS), FINE;
}
