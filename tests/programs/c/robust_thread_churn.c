/* Threads begin and end all the time while 300 forks happen. Three threads make them: one joins its own, one lets them go, one
 * starts a chain in which each thread makes the next. Every thread has a routine and an argument of its own, and must
 * run this one routine with this one argument, once. A thread that nobody joins detaches itself: where another one detaches it while
 * it ends, glibc may use its freed stack, and the program die by SIGSEGV (seen without the library, in glibc 2.36).
 * expect: at-most ERROR
 * suppress: unsafe_fork:*
 */
#include "../program.h"
#include <stdatomic.h>

enum { SPAWNERS = 3, ROUTINES = 4, FORKS = 300, LEAST_BATCHES = 400 };

struct job {
    int routine;           /* The one that must run it. */
    int links;             /* Threads that it must yet make, each by the last. */
    int is_joined;
    atomic_int runs;
    struct batch *batch;
};

struct batch {
    struct job jobs[ROUTINES * 3];
    atomic_int done;
    int next;              /* The next job of a chain; its threads run one after the other. */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct gate ready;
static atomic_int stop, wrong, batches[SPAWNERS];

static void *run(struct job *job, int routine);

#define ROUTINE(number) static void *routine_##number(void *job) { return run(job, number); }
ROUTINE(0) ROUTINE(1) ROUTINE(2) ROUTINE(3)
static void *(*const routines[ROUTINES])(void *) = {routine_0, routine_1, routine_2, routine_3};

static pthread_t make(struct batch *batch, int number, int links, int is_joined) {
    struct job *job = &batch->jobs[number];
    pthread_t thread;
    *job = (struct job){.routine = number % ROUTINES, .links = links, .is_joined = is_joined, .batch = batch};
    while (pthread_create(&thread, NULL, routines[job->routine], job) != 0) sched_yield();
    return thread;
}

static void *run(struct job *job, int routine) {
    if (job->routine != routine || atomic_fetch_add(&job->runs, 1) != 0) atomic_fetch_add(&wrong, 1);
    MUST(pthread_mutex_lock(&mutex));
    MUST(pthread_mutex_unlock(&mutex));
    struct batch *batch = job->batch;
    if (!job->is_joined) MUST(pthread_detach(pthread_self()));
    if (job->links > 0) make(batch, batch->next++, job->links - 1, 0);
    atomic_fetch_add(&batch->done, 1);
    return job;
}

static int see_to_the_end(struct batch *batch, int count) {
    /* A thread that never runs ends the program here: by the runner's deadline. */
    while (atomic_load(&batch->done) < count) sched_yield();
    for (int number = 0; number < count; number++)
        if (atomic_load(&batch->jobs[number].runs) != 1) atomic_fetch_add(&wrong, 1);
    return count;
}

static void join_a_batch(struct batch *batch) {
    pthread_t threads[ROUTINES];
    for (int number = 0; number < ROUTINES; number++) threads[number] = make(batch, number, 0, 1);
    for (int number = 0; number < ROUTINES; number++) {
        void *result;
        MUST(pthread_join(threads[number], &result));
        if (result != &batch->jobs[number]) atomic_fetch_add(&wrong, 1);
    }
    see_to_the_end(batch, ROUTINES);
}

static void let_a_batch_go(struct batch *batch) {
    for (int number = 0; number < ROUTINES; number++) make(batch, number, 0, 0);
    see_to_the_end(batch, ROUTINES);
}

static void chain_a_batch(struct batch *batch) {
    batch->next = 1;
    make(batch, 0, ROUTINES * 3 - 1, 0);
    see_to_the_end(batch, ROUTINES * 3);
}

static void (*const ways[SPAWNERS])(struct batch *) = {join_a_batch, let_a_batch_go, chain_a_batch};

static void *spawner(void *number) {
    int way = (int)(long)number;
    gate_open(&ready);
    while (!stop) {
        struct batch *batch = calloc(1, sizeof *batch);
        if (!batch) broken("calloc");
        ways[way](batch);
        free(batch);
        atomic_fetch_add(&batches[way], 1);
    }
    return NULL;
}

static int all_have_made_enough(void) {
    for (int way = 0; way < SPAWNERS; way++)
        if (atomic_load(&batches[way]) < LEAST_BATCHES) return 0;
    return 1;
}

int main(void) {
    pthread_t spawners[SPAWNERS];
    gate_make(&ready);
    for (long way = 0; way < SPAWNERS; way++) spawners[way] = start("spawner", spawner, (void *)way);
    for (int way = 0; way < SPAWNERS; way++) gate_pass(&ready);
    for (int round = 0; round < FORKS || !all_have_made_enough(); round++) {
        int status;
        pid_t child = fork();
        if (child == 0) _exit(FINE);
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
    }
    stop = 1;
    for (int way = 0; way < SPAWNERS; way++) MUST(pthread_join(spawners[way], NULL));
    say("%d threads ran something else than was theirs", atomic_load(&wrong));
    return wrong ? BROKEN : FINE;
}
