/* A thread is long in the middle of taking a lock, or of releasing it: its own note comes before what libc does. Each child takes the lock.
 * library: lib_slow_locks.c
 * expect: unsafe_fork INFO function=fork fork=main locks=0
 */
#include "../program.h"

enum { FORKS = 100 };

void slow_locks(void);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct gate ready;

static void *keeper(void *unused) {
    slow_locks();
    for (int turn = 0;; turn++) {
        MUST(pthread_mutex_lock(&mutex));
        if (turn == 0) gate_open(&ready);
        for (volatile int work = 0; work < 2000000; work++) {}
        MUST(pthread_mutex_unlock(&mutex));
    }
    return unused;
}

int main(void) {
    gate_make(&ready);
    start("keeper", keeper, NULL);
    gate_pass(&ready);
    for (int turn = 0; turn < FORKS; turn++) {
        pid_t child = fork();
        if (child == 0) {
            MUST(pthread_mutex_lock(&mutex));
            MUST(pthread_mutex_unlock(&mutex));
            _exit(FINE);
        }
        int result = verdict(child);
        if (result != FINE) return result;
        /* The next fork comes at another moment of the thread's turn. */
        usleep((useconds_t)(turn * 137 % 4000));
    }
    return FINE;
}
