/* Sixteen threads fork at once, again and again, beside two that hold a lock most of the time, which their children take, too. Two forks may
 * both be the first of their place.
 * expect: at-most INFO
 * expect: unsafe_fork INFO function=fork fork=forker locks=0
 * count: any
 */
#include "../program.h"

enum { THREADS = 16, FORKS = 12 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t all;
static volatile int is_stuck;

static void *keeper(void *unused) {
    for (;;) {
        MUST(pthread_mutex_lock(&mutex));
        for (volatile int work = 0; work < 20000; work++) {}
        MUST(pthread_mutex_unlock(&mutex));
    }
    return unused;
}

static void *forker(void *unused) {
    (void)unused;
    pthread_barrier_wait(&all);
    for (int turn = 0; turn < FORKS && !is_stuck; turn++) {
        pid_t child = fork();
        if (child == 0) {
            MUST(pthread_mutex_lock(&mutex));
            MUST(pthread_mutex_unlock(&mutex));
            _exit(FINE);
        }
        if (verdict(child) != FINE) is_stuck = 1;
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    MUST(pthread_barrier_init(&all, NULL, THREADS));
    for (int thread = 0; thread < 2; thread++) start("keeper", keeper, NULL);
    for (int thread = 0; thread < THREADS; thread++) threads[thread] = start("forker", forker, NULL);
    for (int thread = 0; thread < THREADS; thread++) MUST(pthread_join(threads[thread], NULL));
    return is_stuck ? REALISED : FINE;
}
