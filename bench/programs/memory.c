/* Tells the memory of a process that locks, and how it grows with its threads.  usage: memory THREADS
 *
 * `process`: KiB that lie in memory (Rss of smaps_rollup) once its only thread has locked. `thread`: what each further one
 * adds that has locked too and goes on living. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t ready;

static __attribute__((noinline)) void deep(int calls) {
    if (calls > 0) {
        deep(calls - 1);
    } else {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
    __asm__ volatile("" ::: "memory");
}

static void *live(void *unused) {
    for (int calls = 0; calls < 16; calls++) deep(calls);
    pthread_barrier_wait(&ready);
    for (;;) pause();
    return unused;
}

static double resident_kib(void) {
    char line[256];
    double kib = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    if (file == NULL) exit(3);
    while (fgets(line, sizeof line, file) != NULL) sscanf(line, "Rss: %lf", &kib);
    fclose(file);
    return kib;
}

int main(int count, char **words) {
    if (count != 2) return 2;
    int threads = atoi(words[1]);
    for (int calls = 0; calls < 16; calls++) deep(calls);
    double alone = resident_kib();
    pthread_barrier_init(&ready, NULL, (unsigned)threads + 1);
    for (int number = 0; number < threads; number++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, live, NULL) != 0) abort();
    }
    pthread_barrier_wait(&ready);
    double together = resident_kib();
    printf("process\t%.1f\nthread\t%.2f\n", alone, (together - alone) / threads);
    fflush(stdout);
    _exit(0);
}
