/* Threads that lock at ever other places of their stacks, locks that come and go, and forks: for a number of rounds, or for the
 * seconds given (`scripts/soak`). Once all that happens has happened, the process may not grow.
 * expect: unsafe_fork
 * count: any
 * suppress: unsafe_fork:*
 */
#include "../program.h"
#include <alloca.h>

enum { THREADS = 8, ROUNDS = 400, MOST_GROWTH_KIB = 4096 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, vault = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t semaphore;
static struct gate held;

static void lock_and_unlock(void) {
    pthread_mutex_t *own = malloc(sizeof *own);
    if (!own || pthread_mutex_init(own, NULL) != 0) broken("a mutex");
    MUST(pthread_mutex_lock(own));
    MUST(pthread_mutex_lock(&mutex));
    MUST(pthread_rwlock_rdlock(&rwlock));
    MUST(sem_wait(&semaphore));
    MUST(sem_post(&semaphore));
    MUST(pthread_rwlock_unlock(&rwlock));
    MUST(pthread_mutex_unlock(&mutex));
    MUST(pthread_mutex_unlock(own));
    MUST(pthread_mutex_destroy(own));
    free(own);
}

static void *worker(void *argument) {
    size_t own = (size_t)argument;
    volatile char *room = alloca(16 + own % 256 * 16);
    room[0] = 1;
    lock_and_unlock();
    return (void *)(own + (size_t)room[0]);
}

static void *keeper(void *unused) {
    (void)unused;
    MUST(pthread_mutex_lock(&vault));
    gate_open(&held);
    idle_for_ever();
}

static void pass_round(size_t round) {
    pthread_t threads[THREADS];
    void *result;
    int status;
    for (size_t number = 0; number < THREADS; number++)
        MUST(pthread_create(&threads[number], NULL, worker, (void *)(round * THREADS + number)));
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
    for (size_t number = 0; number < THREADS; number++) {
        MUST(pthread_join(threads[number], &result));
        if ((size_t)result != round * THREADS + number + 1) broken("a thread ran with another's argument");
    }
}

static long resident_kib(void) {
    char text[128];
    long all, resident;
    MUST(read_text("/proc/self/statm", text, sizeof text) || sscanf(text, "%ld %ld", &all, &resident) != 2);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(int count, char **words) {
    const time_t end = count > 1 ? time(NULL) + atol(words[1]) : 0;
    long settled = 0;
    size_t round = 0;
    gate_make(&held);
    MUST(sem_init(&semaphore, 0, 1));
    start("keeper", keeper, NULL);
    gate_pass(&held);
    for (; end ? time(NULL) < end : round < ROUNDS; round++) {
        pass_round(round);
        if (round == ROUNDS / 2) settled = resident_kib();
    }
    long grown = resident_kib() - settled;
    if (end) say("%zu rounds; grown by %ld KiB beyond %ld", round, grown, settled);
    if (grown > MOST_GROWTH_KIB) broken("memory grows");
    say("as large as after half of the first %d rounds", ROUNDS);
    return FINE;
}
