/* Threads hold a lock most of the time, and each child takes it. Bare, a child soon gets stuck; held back, no fork leaves it locked.
 * expect: unsafe_fork INFO function=fork fork=main locks=0
 * runs: {mutex,rwlock,readers,spinlock,semaphore,two,tz,environment,condition}
 */
#include "../program.h"

enum { THREADS = 2 };

static const char *how;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spinlock;
static sem_t semaphore;
static struct gate ready;

static void work(void) {
    for (volatile int turn = 0; turn < 20000; turn++) {}
}

static void take(int reads) {
    if (is(how, "rwlock") || is(how, "readers")) MUST(reads ? pthread_rwlock_rdlock(&rwlock) : pthread_rwlock_wrlock(&rwlock));
    else if (is(how, "spinlock")) MUST(pthread_spin_lock(&spinlock));
    else if (is(how, "semaphore")) MUST(sem_wait(&semaphore));
    else MUST(pthread_mutex_lock(&mutex));
    if (is(how, "two")) MUST(pthread_mutex_lock(&second));
}

static void give_back(void) {
    if (is(how, "two")) MUST(pthread_mutex_unlock(&mutex));
    if (is(how, "rwlock") || is(how, "readers")) MUST(pthread_rwlock_unlock(&rwlock));
    else if (is(how, "spinlock")) MUST(pthread_spin_unlock(&spinlock));
    else if (is(how, "semaphore")) MUST(sem_post(&semaphore));
    else MUST(pthread_mutex_unlock(is(how, "two") ? &second : &mutex));
}

/* What takes a lock inside of libc. */
static int in_libc(void) {
    if (is(how, "tz")) {
        time_t now = time(NULL);
        struct tm parts;
        for (int times = 0; times < 100; times++) localtime_r(&now, &parts);
    } else if (is(how, "environment")) {
        for (int times = 0; times < 100; times++) MUST(setenv("SETTLED", "yes", 1));
    } else {
        return 0;
    }
    return 1;
}

static void *keeper(void *unused) {
    (void)unused;
    for (int turn = 0;; turn++) {
        if (!in_libc()) {
            take(is(how, "readers"));
            if (turn == 0) gate_open(&ready);
            work();
            if (is(how, "condition")) {
                struct timespec soon;
                clock_gettime(CLOCK_REALTIME, &soon);
                pthread_cond_timedwait(&condition, &mutex, &soon);
                /* Longer than the wait, in which the lock is free. */
                for (int times = 0; times < 20; times++) work();
            }
            give_back();
        } else if (turn == 0) {
            gate_open(&ready);
        }
    }
    return NULL;
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "mutex";
    gate_make(&ready);
    MUST(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE));
    MUST(sem_init(&semaphore, 0, 1));
    for (int thread = 0; thread < THREADS; thread++) start("keeper", keeper, NULL);
    for (int thread = 0; thread < THREADS; thread++) gate_pass(&ready);
    /* Waits for conditions leave the lock free more often. */
    int forks = is(how, "condition") ? 1200 : 60;
    for (int turn = 0; turn < forks; turn++) {
        pid_t child = fork();
        if (child == 0) {
            if (!in_libc()) {
                take(0);
                give_back();
            }
            _exit(FINE);
        }
        int result = verdict(child);
        if (result != FINE) return result;
    }
    return FINE;
}
