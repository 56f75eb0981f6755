/* Threads begin and end all the time, each taking and giving back a lock, while 300 forks happen.
 * expect: at-most ERROR
 * suppress: unsafe_fork:*
 */
#include "../program.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct gate ready;

static void *brief(void *unused) {
    MUST(pthread_mutex_lock(&mutex));
    MUST(pthread_mutex_unlock(&mutex));
    return unused;
}

static void *spawner(void *detached) {
    gate_open(&ready);
    for (;;) {
        pthread_t thread;
        while (pthread_create(&thread, NULL, brief, NULL) != 0) sched_yield();
        if (detached) MUST(pthread_detach(thread));
        else MUST(pthread_join(thread, NULL));
    }
    return NULL;
}

int main(void) {
    gate_make(&ready);
    start("joiner", spawner, NULL);
    start("detacher", spawner, &ready);
    gate_pass(&ready);
    gate_pass(&ready);
    for (int round = 0; round < 300; round++) {
        int status;
        pid_t child = fork();
        if (child == 0) _exit(FINE);
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
    }
    say("300 children: fine");
    return FINE;
}
