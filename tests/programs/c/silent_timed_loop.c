/* Loops of waits with a time-out in a child that are no hang: one that works between its waits, one for a condition that no lost
 * thread is known to use, and one beside a thread of the child's own, which ends it. They last as long as one that is reported.
 * expect: at-most WARN
 * allow: thread_after_fork
 * runs: {works,unused,own_thread}
 */
#include "../program.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, unused = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static struct gate up;
static int done;

static void *worker(void *nothing) {
    (void)nothing;
    MUST(pthread_mutex_lock(&mutex) || pthread_mutex_unlock(&mutex));
    gate_open(&up);
    idle_for_ever();
}

static void *finisher(void *nothing) {
    (void)nothing;
    pause_milliseconds(2500);
    MUST(pthread_mutex_lock(&mutex));
    done = 1;
    MUST(pthread_mutex_unlock(&mutex));
    return NULL;
}

static void wait_a_while(const char *how) {
    pthread_mutex_t *its = is(how, "unused") ? &unused : &mutex;
    int null = open("/dev/null", O_WRONLY);
    if (is(how, "own_thread")) start("finisher", finisher, NULL);
    MUST(pthread_mutex_lock(its));
    for (int waits = 0; !done && (waits < 50 || is(how, "own_thread")); waits++) {
        struct timespec time;
        clock_gettime(CLOCK_REALTIME, &time);
        time.tv_nsec += 50000000;
        if (time.tv_nsec >= 1000000000) time.tv_sec++, time.tv_nsec -= 1000000000;
        pthread_cond_timedwait(&condition, its, &time);
        if (is(how, "works") && write(null, "x", 1) != 1) broken("write");
    }
    MUST(pthread_mutex_unlock(its));
}

int main(int count, char **words) {
    int status;
    gate_make(&up);
    start("worker", worker, NULL);
    gate_pass(&up);
    pid_t child = fork();
    if (child == 0) {
        wait_a_while(count > 1 ? words[1] : "works");
        _exit(FINE);
    }
    if (waitpid(child, &status, 0) != child || status != 0) broken("child");
    say("child: fine");
    return FINE;
}
