/* H3: threads are alive at the fork, each idle in another way, and none holds a lock: a warning that lists them all. The
 * child of this program happens to be fine.
 * bare: 0
 * expect: unsafe_fork WARN function=fork fork=main locks=0 threads=6
 * with: thread=in-read start=in_read created=main
 * with: thread=in-condition start=in_condition created=main
 * with: thread=in-semaphore start=in_semaphore created=main
 * with: thread=in-mutex start=in_mutex created=main
 * with: thread=in-nanosleep start=in_nanosleep created=main
 * with: thread=in-pause start=in_pause created=main
 * suppress: unsafe_fork:in-condition
 */
#include "../program.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, mains = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t signalled;
static struct gate never, ready;

static void *in_read(void *unused) { gate_open(&ready); gate_pass(&never); return unused; }

static void *in_condition(void *unused) {
    MUST(pthread_mutex_lock(&mutex));
    gate_open(&ready);
    for (;;) MUST(pthread_cond_wait(&condition, &mutex));
    return unused;
}

static void *in_semaphore(void *unused) { gate_open(&ready); sem_wait(&signalled); return unused; }

static void *in_mutex(void *unused) { gate_open(&ready); pthread_mutex_lock(&mains); return unused; }

static void *in_nanosleep(void *unused) { gate_open(&ready); pause_milliseconds(3600000); return unused; }

static void *in_pause(void *unused) { (void)unused; gate_open(&ready); idle_for_ever(); }

int main(void) {
    MUST(sem_init(&signalled, 0, 0));
    gate_make(&never);
    gate_make(&ready);
    MUST(pthread_mutex_lock(&mains));
    start("in-read", in_read, NULL);
    start("in-condition", in_condition, NULL);
    start("in-semaphore", in_semaphore, NULL);
    start("in-mutex", in_mutex, NULL);
    start("in-nanosleep", in_nanosleep, NULL);
    start("in-pause", in_pause, NULL);
    for (int thread = 0; thread < 6; thread++) gate_pass(&ready);
    /* Whoever gets this mutex knows that the condition's thread waits. */
    MUST(pthread_mutex_lock(&mutex));
    MUST(pthread_mutex_unlock(&mutex));
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}
