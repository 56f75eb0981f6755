/* H13: a pool's queue. Its worker waits on the condition `work` at the fork; the child hands in a job, as the parent did
 * before, and waits for the condition `done`, which nobody will ever signal. The worker took no lock with it.
 * expect: unsafe_fork WARN function=fork fork=main locks=0 threads=1
 * with: thread=worker start=worker created=main
 * expect: stuck_child FATAL call=pthread_cond_wait object=condition in=hand_in same_fork=yes
 * suppress: unsafe_fork:worker
 * suppress: stuck_child:hand_in
 */
#include "../program.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static int jobs, results;

static void *worker(void *unused) {
    MUST(pthread_mutex_lock(&mutex));
    for (;;) {
        while (jobs == 0) pthread_cond_wait(&work, &mutex);
        jobs--;
        results++;
        MUST(pthread_cond_signal(&done));
    }
    return unused;
}

static void hand_in(void) {
    MUST(pthread_mutex_lock(&mutex));
    jobs++;
    MUST(pthread_cond_signal(&work));
    while (results == 0) pthread_cond_wait(&done, &mutex);
    results--;
    MUST(pthread_mutex_unlock(&mutex));
}

int main(void) {
    start("worker", worker, NULL);
    hand_in();
    hand_in();
    /* The worker releases the mutex only by waiting: whoever gets it knows that it waits. */
    MUST(pthread_mutex_lock(&mutex));
    MUST(pthread_mutex_unlock(&mutex));
    pid_t child = fork();
    if (child == 0) {
        hand_in();
        _exit(FINE);
    }
    return verdict(child);
}
