/* 48 threads lock and unlock, each its own mutex and one of all, while 200 forks happen. What they count under
 * the lock that all share comes out: none was in there beside another, and no call was lost.
 * expect: unsafe_fork fork=main
 * count: any
 * suppress: unsafe_fork:*
 */
#include "../program.h"

enum { THREADS = 48 };
static pthread_mutex_t shared = PTHREAD_MUTEX_INITIALIZER;
static struct gate ready;
static volatile int stop;
/* Without the lock, counts would be lost: it is read, and written a little later. */
static volatile long all;

static struct own {
    pthread_mutex_t mutex;
    long counted;
} own[THREADS];

static void *busy(void *argument) {
    struct own *mine = argument;
    gate_open(&ready);
    while (!stop) {
        MUST(pthread_mutex_lock(&mine->mutex));
        MUST(pthread_mutex_lock(&shared));
        long before = all;
        mine->counted++;
        all = before + 1;
        MUST(pthread_mutex_unlock(&shared));
        MUST(pthread_mutex_unlock(&mine->mutex));
    }
    return argument;
}

int main(void) {
    pthread_t threads[THREADS];
    long counted = 0;
    gate_make(&ready);
    for (int number = 0; number < THREADS; number++) {
        MUST(pthread_mutex_init(&own[number].mutex, NULL));
        threads[number] = start("busy", busy, &own[number]);
    }
    for (int number = 0; number < THREADS; number++) gate_pass(&ready);
    for (int round = 0; round < 200; round++) {
        int status;
        pid_t child = fork();
        if (child == 0) _exit(round);
        if (child < 0 || waitpid(child, &status, 0) != child || status != round << 8) broken("child");
    }
    stop = 1;
    for (int number = 0; number < THREADS; number++) {
        void *result;
        MUST(pthread_join(threads[number], &result));
        if (result != &own[number]) broken("a result");
        counted += own[number].counted;
    }
    say("200 children: fine; %ld lost", counted - all);
    return FINE;
}
