/* A handler of the fork forks, too: both are held back until no other thread holds a lock. A thread of the child waits for nobody.
 * expect: unsafe_fork INFO function=fork fork=prepare locks=0
 * expect: unsafe_fork INFO function=fork fork=main locks=0
 * allow: thread_after_fork
 */
#include "../program.h"

enum { FORKS = 40 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct gate ready;
static int is_inside, result = FINE;

static void *keeper(void *unused) {
    for (int turn = 0;; turn++) {
        MUST(pthread_mutex_lock(&mutex));
        if (turn == 0) gate_open(&ready);
        for (volatile int work = 0; work < 20000; work++) {}
        MUST(pthread_mutex_unlock(&mutex));
    }
    return unused;
}

static void *taker(void *unused) {
    (void)unused;
    MUST(pthread_mutex_lock(&mutex));
    _exit(FINE);
}

static void child_takes_it(pid_t child) {
    if (child == 0) {
        MUST(pthread_mutex_lock(&mutex));
        MUST(pthread_mutex_unlock(&mutex));
        start("taker", taker, NULL);
        /* Not asleep, so that only the other thread can be stuck. */
        for (;;) sched_yield();
    }
    result = verdict(child);
}

static void prepare(void) {
    if (is_inside) return;
    is_inside = 1;
    child_takes_it(fork());
    is_inside = 0;
}

int main(void) {
    gate_make(&ready);
    MUST(pthread_atfork(prepare, NULL, NULL));
    start("keeper", keeper, NULL);
    gate_pass(&ready);
    for (int turn = 0; turn < FORKS && result == FINE; turn++) {
        pid_t child = fork();
        if (child == 0 || result == FINE) child_takes_it(child);
    }
    return result;
}
