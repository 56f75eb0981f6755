/* A fork beside many threads that fall asleep and wake all the time. The kernel lets whoever asks where such a thread is wait for
 * it, so a watcher that asks about each makes a fork take seconds. Measured is the forking thread's own processor time, which
 * other programs do not change: at the first fork, which is reported, and at those after it, which are only counted.
 * expect: unsafe_fork WARN fork=main locks=0
 */
#include "../program.h"

enum { THREADS = 900, LATER = 20 };
static struct gate ready;

static void *waking(void *unused) {
    gate_open(&ready);
    for (;;) pause_milliseconds(20);
    return unused;
}

static double milliseconds(void) {
    struct timespec now;
    MUST(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now));
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int main(void) {
    double first = 0, later = 0;
    pthread_attr_t small;
    gate_make(&ready);
    MUST(pthread_attr_init(&small));
    MUST(pthread_attr_setstacksize(&small, 64 * 1024));
    for (int number = 0; number < THREADS; number++) {
        pthread_t thread;
        MUST(pthread_create(&thread, &small, waking, NULL));
    }
    for (int number = 0; number < THREADS; number++) gate_pass(&ready);
    for (int round = 0; round <= LATER; round++) {
        int status;
        double begin = milliseconds();
        pid_t child = fork();
        double taken = milliseconds() - begin;
        if (child == 0) _exit(FINE);
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
        if (round == 0) first = taken;
        else later += taken / LATER;
    }
    /* Natively either takes some 5 ms. */
    if (first > 80) broken("the first fork took too long");
    if (later > 60) broken("the later forks took too long");
    say("21 children: fine");
    return FINE;
}
