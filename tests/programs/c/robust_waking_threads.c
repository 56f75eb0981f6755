/* A fork beside many threads that fall asleep and wake all the time. The kernel lets whoever asks where such a thread is wait for
 * it, so a watcher that asks about each makes a fork take seconds. Measured is the forking thread's own processor time, which
 * other programs do not change: at the first fork, which is reported, and at those after it, which are only counted. Run by hand
 * with a number of threads and the milliseconds that each sleeps at a time, it only shows what the forks take.
 * expect: unsafe_fork WARN fork=main locks=0
 */
#include "../program.h"

enum { THREADS = 900, MILLISECONDS = 20, LATER = 20, LATER_BY_HAND = 3 };
static struct gate begin, awake;
static long milliseconds = MILLISECONDS;

static void *waking(void *unused) {
    gate_pass(&begin);
    pause_milliseconds(milliseconds);
    gate_open(&awake);
    for (;;) pause_milliseconds(milliseconds);
    return unused;
}

static double now(clockid_t clock) {
    struct timespec now;
    MUST(clock_gettime(clock, &now));
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* The processor time of a fork, in milliseconds. */
static double time_fork(int is_shown) {
    int status;
    double cpu = now(CLOCK_THREAD_CPUTIME_ID), wall = now(CLOCK_MONOTONIC);
    pid_t child = fork();
    cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu, wall = now(CLOCK_MONOTONIC) - wall;
    if (child == 0) _exit(FINE);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
    if (is_shown) say("%.1f ms of processor time, %.1f ms in all", cpu, wall);
    return cpu;
}

int main(int count, char **words) {
    const int by_hand = count == 3, threads = by_hand ? atoi(words[1]) : THREADS;
    const int forks = by_hand ? LATER_BY_HAND : LATER;
    pthread_attr_t small;
    if (by_hand) milliseconds = atol(words[2]);
    gate_make(&begin);
    gate_make(&awake);
    MUST(pthread_attr_init(&small));
    MUST(pthread_attr_setstacksize(&small, SMALL_STACK));
    for (int number = 0; number < threads; number++) {
        pthread_t thread;
        MUST(pthread_create(&thread, &small, waking, NULL));
    }
    for (int number = 0; number < threads; number++) gate_open(&begin);
    for (int number = 0; number < threads; number++) gate_pass(&awake);
    double first = time_fork(by_hand), later = 0;
    for (int number = 0; number < forks; number++) later += time_fork(by_hand) / forks;
    /* Natively either takes some 5 ms. */
    if (!by_hand && first > 80) broken("the first fork took too long");
    if (!by_hand && later > 60) broken("the later forks took too long");
    say("%d children: fine", forks + 1);
    return FINE;
}
