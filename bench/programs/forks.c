/* Times fork and wait, the child ending at once.  usage: forks THREADS LOCKS MILLISECONDS
 *
 * This many other threads sleep, and hold this many locks among them (the forking thread itself where there is none). `first`: the
 * first fork of the process. `repeated`: the first quartile of those after it, as what else
 * runs only ever adds; all from the same place, so that none has news. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#define FEWEST_FORKS 6
#define MOST_FORKS 10000

static int threads, locks;
static pthread_mutex_t *mutexes;
static pthread_barrier_t ready;

/* Takes the share of one of so many holders. */
static void take(int holder, int holders) {
    for (int lock = holder; lock < locks; lock += holders) pthread_mutex_lock(&mutexes[lock]);
}

static void *hold(void *number) {
    take(*(int *)number, threads);
    pthread_barrier_wait(&ready);
    for (;;) pause();
    return NULL;
}

static int by_size(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

/* The one place that forks. */
static void time_forks(double milliseconds) {
    static double taken[MOST_FORKS];
    double until = 0;
    int forks = 0;
    while (forks < FEWEST_FORKS || (forks < MOST_FORKS && nanoseconds_now() < until)) {
        double begin = nanoseconds_now();
        pid_t child = fork();
        if (child < 0) abort();
        if (child == 0) _exit(0);
        waitpid(child, NULL, 0);
        taken[forks] = nanoseconds_now() - begin;
        if (forks++ == 0) until = nanoseconds_now() + milliseconds * 1e6;
    }
    printf("first\t%.0f\n", taken[0]);
    qsort(taken + 1, (size_t)forks - 1, sizeof *taken, by_size);
    printf("repeated\t%.0f\n", taken[1 + (forks - 1) / 4]);
}

int main(int count, char **words) {
    if (count != 4) return 2;
    threads = atoi(words[1]);
    locks = atoi(words[2]);
    mutexes = calloc((size_t)locks + 1, sizeof *mutexes);
    int *numbers = calloc((size_t)threads + 1, sizeof *numbers);
    pthread_barrier_init(&ready, NULL, (unsigned)threads + 1);
    for (int lock = 0; lock < locks; lock++) pthread_mutex_init(&mutexes[lock], NULL);
    if (threads == 0) take(0, 1);
    for (int number = 0; number < threads; number++) {
        pthread_t thread;
        numbers[number] = number;
        if (pthread_create(&thread, NULL, hold, &numbers[number]) != 0) abort();
    }
    if (threads > 0) pthread_barrier_wait(&ready);
    time_forks(atof(words[3]));
    fflush(stdout);
    _exit(0);
}
