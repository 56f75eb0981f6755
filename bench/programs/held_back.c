/* Forks beside threads that take locks all the time; each child takes the same lock. Prints how many children got stuck, and how long forks
 * and lock calls of the other threads took. With UNTIL_STUCK in the environment, ends with the first child that gets stuck.
 *
 * usage: held_back mutex|chain|realtime|tz|environment|setenv|pool|many THREADS FORKS [child-takes-nothing]
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES = 1 << 20 };

static const char *kind;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, next = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static int jobs;
static float fork_us[SAMPLES], lock_us[SAMPLES];
static int forks, locks;

static int is(const char *other) { return strcmp(kind, other) == 0; }

static double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static void work(void) {
    for (volatile int turn = 0; turn < 10000; turn++) {}
}

static void take_and_release(pthread_mutex_t *lock) {
    if (is("tz")) {
        time_t now = time(NULL);
        struct tm parts;
        for (int times = 0; times < 100; times++) localtime_r(&now, &parts);
    } else if (is("environment")) {
        setenv("HELD_BACK", "yes", 1);
    } else if (is("setenv")) {
        for (int times = 0; times < 100; times++) setenv("HELD_BACK", "yes", 1);
    } else if (is("chain")) {
        /* Hand over hand: for a moment, both are held. */
        pthread_mutex_lock(lock);
        work();
        pthread_mutex_lock(&next);
        pthread_mutex_unlock(lock);
        work();
        pthread_mutex_unlock(&next);
    } else {
        pthread_mutex_lock(lock);
        for (int times = is("realtime") ? 30 : 1; times > 0; times--) work();
        pthread_mutex_unlock(lock);
    }
}

/* The first thread measures its calls. With a real-time priority, a thread naps, so that others have a processor, too. */
static void *keeper(void *number) {
    struct sched_param least = {.sched_priority = 1};
    if (is("realtime") && pthread_setschedparam(pthread_self(), SCHED_FIFO, &least) != 0) exit(2);
    pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
    for (;;) {
        double before = now_us();
        take_and_release(is("many") ? &own : &mutex);
        if (number == NULL && locks < SAMPLES) lock_us[locks++] = (float)(now_us() - before);
        if (is("many")) {
            struct timespec nap = {0, 5000000};
            nanosleep(&nap, NULL);
        } else if (is("realtime")) {
            struct timespec nap = {0, 20000};
            nanosleep(&nap, NULL);
        } else if (!is("tz") && !is("setenv")) {
            work();
        }
    }
    return NULL;
}

/* A server's pool: one thread fills a queue, the others wait for its condition. */
static void *server(void *number) {
    for (;;) {
        double before = now_us();
        pthread_mutex_lock(&mutex);
        if (number == NULL) {
            jobs++;
            work();
            pthread_cond_signal(&filled);
        } else {
            while (jobs == 0) pthread_cond_wait(&filled, &mutex);
            jobs--;
            work();
        }
        pthread_mutex_unlock(&mutex);
        if (number == NULL && locks < SAMPLES) lock_us[locks++] = (float)(now_us() - before);
        work();
    }
    return NULL;
}

static int compare(const void *one, const void *other) {
    float difference = *(const float *)one - *(const float *)other;
    return difference < 0 ? -1 : difference > 0;
}

static void print(const char *name, float *samples, int count) {
    qsort(samples, (size_t)count, sizeof *samples, compare);
    if (count == 0) count = 1;
    printf("\"%s\":[%.1f,%.1f,%.1f]", name, samples[count / 2], samples[(long)count * 99 / 100], samples[count - 1]);
}

int main(int words, char **word) {
    if (words < 4) return 2;
    kind = word[1];
    int threads = atoi(word[2]), wanted = atoi(word[3]), stuck = 0, takes = words < 5, until_stuck = getenv("UNTIL_STUCK") != NULL;
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 * 1024);
    for (long number = 0; number < threads; number++) {
        pthread_t thread;
        if (pthread_create(&thread, &small, is("pool") ? server : keeper, (void *)number) != 0) return 2;
    }
    usleep(20000);
    while (forks < wanted && forks < SAMPLES && !(stuck && until_stuck)) {
        double before = now_us();
        pid_t child = fork();
        if (child == 0) {
            /* A child that is stuck is ended by its alarm. */
            alarm(5);
            if (takes) take_and_release(&mutex);
            _exit(0);
        }
        fork_us[forks++] = (float)(now_us() - before);
        int status;
        if (child < 0 || waitpid(child, &status, 0) != child) return 2;
        stuck += WIFSIGNALED(status);
    }
    int measured = locks;
    printf("{\"forks\":%d,\"stuck\":%d,", forks, stuck);
    print("fork_us", fork_us, forks);
    printf(",");
    print("lock_us", lock_us, measured);
    printf("}\n");
    fflush(stdout);
    exit(0);
}
