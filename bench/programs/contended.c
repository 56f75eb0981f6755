/* Times locks beside other threads that lock.  usage: contended same|different THREADS MILLISECONDS
 *
 * `same`: all of them one mutex. `different`: each its own, in a cache line of its own, so that whatever slows one thread
 * down when another one runs is shared by them elsewhere. Nanoseconds a pair, as one thread sees it. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "samples.h"

#define MOST_THREADS 64
/* Two lines: processors fetch them in pairs. */
#define OWN_LINES __attribute__((aligned(128)))

struct worker {
    pthread_mutex_t mutex;
    pthread_mutex_t *used;
    long pairs;
    double taken;
} OWN_LINES;

static struct worker workers[MOST_THREADS];
static OWN_LINES atomic_int stopped;
static OWN_LINES pthread_barrier_t start;

static __attribute__((noinline)) void pair(pthread_mutex_t *mutex) {
    pthread_mutex_lock(mutex);
    BARRIER;
    pthread_mutex_unlock(mutex);
    BARRIER;
}

static void *work(void *argument) {
    struct worker *own = argument;
    long pairs = 0;
    pthread_barrier_wait(&start);
    /* Each thread times itself: whoever started them may run later than they do. */
    double begin = nanoseconds_now();
    while (!atomic_load_explicit(&stopped, memory_order_relaxed)) {
        pair(own->used);
        pairs++;
    }
    own->taken = nanoseconds_now() - begin;
    own->pairs = pairs;
    return NULL;
}

static double run(int threads, int same, double milliseconds) {
    pthread_t handles[MOST_THREADS];
    atomic_store(&stopped, 0);
    pthread_barrier_init(&start, NULL, (unsigned)threads + 1);
    for (int number = 0; number < threads; number++) {
        pthread_mutex_init(&workers[number].mutex, NULL);
        workers[number].used = &workers[same ? 0 : number].mutex;
        if (pthread_create(&handles[number], NULL, work, &workers[number]) != 0) abort();
    }
    pthread_barrier_wait(&start);
    usleep((useconds_t)(milliseconds * 1e3));
    atomic_store(&stopped, 1);
    long pairs = 0;
    double taken = 0;
    for (int number = 0; number < threads; number++) {
        pthread_join(handles[number], NULL);
        pairs += workers[number].pairs;
        taken += workers[number].taken;
    }
    pthread_barrier_destroy(&start);
    return taken / (double)(pairs > 0 ? pairs : 1);
}

int main(int count, char **words) {
    if (count != 4) return 2;
    int threads = atoi(words[2]);
    if (threads < 1 || threads > MOST_THREADS) return 2;
    printf("each");
    for (int number = 0; number < SAMPLES; number++)
        printf("\t%.2f", run(threads, strcmp(words[1], "same") == 0, atof(words[3]) / SAMPLES));
    printf("\n");
    return 0;
}
