/* Times lock and unlock in one thread.  usage: locks WAY MILLISECONDS */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "samples.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t semaphore;

/* Taken and given back at the same place in every row: what differs is only how the call came there. */
static __attribute__((noinline)) void pair(void) {
    pthread_mutex_lock(&mutex);
    BARRIER;
    pthread_mutex_unlock(&mutex);
    BARRIER;
}

static __attribute__((noinline)) void deep(int calls) {
    if (calls > 0) deep(calls - 1); else pair();
    BARRIER;
}

#define CALLER(n) static __attribute__((noinline)) void caller_##n(void) { pair(); BARRIER; }
#define EIGHT(what, n) what(n##0) what(n##1) what(n##2) what(n##3) what(n##4) what(n##5) what(n##6) what(n##7)
#define SIXTY_FOUR(what) \
    EIGHT(what, 0) EIGHT(what, 1) EIGHT(what, 2) EIGHT(what, 3) EIGHT(what, 4) EIGHT(what, 5) EIGHT(what, 6) EIGHT(what, 7)
#define NAME(n) caller_##n,
SIXTY_FOUR(CALLER)
static void (*const callers[64])(void) = {SIXTY_FOUR(NAME)};

#define LOOP(name, ...) static void name(long times) { for (long time = 0; time < times; time++) { __VA_ARGS__; BARRIER; } }
LOOP(bare, pair())
LOOP(eight_deep, deep(8))
LOOP(four_callers, callers[time & 3]())
LOOP(all_callers, callers[time & 63]())
LOOP(twice, pthread_mutex_lock(&recursive); pthread_mutex_lock(&recursive); BARRIER;
     pthread_mutex_unlock(&recursive); pthread_mutex_unlock(&recursive))
LOOP(reading, pthread_rwlock_rdlock(&rwlock); BARRIER; pthread_rwlock_unlock(&rwlock))
LOOP(writing, pthread_rwlock_wrlock(&rwlock); BARRIER; pthread_rwlock_unlock(&rwlock))
LOOP(as_semaphore, sem_wait(&semaphore); BARRIER; sem_post(&semaphore))
LOOP(trying, if (pthread_mutex_trylock(&mutex) == 0) { BARRIER; pthread_mutex_unlock(&mutex); })

static const struct { const char *way; void (*loop)(long); } ways[] = {
    {"bare", bare}, {"deep", eight_deep}, {"callers-4", four_callers}, {"callers-64", all_callers}, {"recursive", twice},
    {"read", reading}, {"write", writing}, {"semaphore", as_semaphore}, {"try", trying},
};

int main(int count, char **words) {
    if (count != 3) return 2;
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&recursive, &attributes);
    sem_init(&semaphore, 0, 1);
    for (size_t row = 0; row < sizeof ways / sizeof *ways; row++) {
        if (strcmp(words[1], ways[row].way) == 0) {
            sample("each", ways[row].loop, atof(words[2]));
            return 0;
        }
    }
    return 2;
}
