/* 48 threads lock and unlock, each its own mutex and one of all, while 200 forks happen.
 * expect: unsafe_fork fork=main
 * count: any
 * suppress: unsafe_fork:*
 */
#include "../program.h"

enum { THREADS = 48 };
static pthread_mutex_t own[THREADS], shared = PTHREAD_MUTEX_INITIALIZER;
static struct gate ready;

static void *busy(void *mutex) {
    gate_open(&ready);
    for (;;) {
        MUST(pthread_mutex_lock((pthread_mutex_t *)mutex));
        MUST(pthread_mutex_lock(&shared));
        MUST(pthread_mutex_unlock(&shared));
        MUST(pthread_mutex_unlock((pthread_mutex_t *)mutex));
    }
    return NULL;
}

int main(void) {
    gate_make(&ready);
    for (int number = 0; number < THREADS; number++) {
        MUST(pthread_mutex_init(&own[number], NULL));
        start("busy", busy, &own[number]);
    }
    for (int number = 0; number < THREADS; number++) gate_pass(&ready);
    for (int round = 0; round < 200; round++) {
        int status;
        pid_t child = fork();
        if (child == 0) _exit(FINE);
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
    }
    say("200 children: fine");
    return FINE;
}
