/* What scripts/bench times, bare and watched: one line a row, its name and nanoseconds an operation (best of five). */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BARRIER __asm__ volatile("" ::: "memory")

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

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
CALLER(0) CALLER(1) CALLER(2) CALLER(3)
static void (*const callers[])(void) = {caller_0, caller_1, caller_2, caller_3};

static void fork_once(void) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, NULL, 0);
}

static void *idle(void *unused) {
    pause();
    return unused;
}

static void *end(void *unused) { return unused; }

static void create_and_join(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, end, NULL) == 0) pthread_join(thread, NULL);
}

#define ROW(name, times, statement) do {                                        \
        double best = 1e18;                                                     \
        for (int round = 0; round < 5; round++) {                               \
            double begin = now();                                               \
            for (long i = 0; i < (times); i++) { statement; }                   \
            double each = (now() - begin) / (times);                            \
            if (each < best) best = each;                                       \
        }                                                                       \
        printf("%s\t%.2f\n", name, best);                                       \
    } while (0)

int main(void) {
    ROW("lock pair, bare", 2000000, pair());
    ROW("lock pair, 8 calls deep", 2000000, deep(8));
    ROW("lock pair, 4 callers of one helper", 2000000, callers[i & 3]());
    ROW("fork and wait, 1 thread", 300, fork_once());
    ROW("thread create and join", 2000, create_and_join());
    pthread_t thread;
    for (int more = 0; more < 10; more++) pthread_create(&thread, NULL, idle, NULL);
    usleep(10000);
    ROW("fork and wait, 11 threads, told before", 300, fork_once());
    return 0;
}
