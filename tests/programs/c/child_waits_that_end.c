/* Waits of a child that end: with a time-out, for a process that lives, for a thread of its own, for what is there already, or
 * ended by a signal handler. None is reported, beyond what the fork and the new thread are.
 * expect: at-most WARN
 * bare: 0
 * runs: {timed_condition,timed_semaphore,timed_futex,futex_of_another_value,posted_semaphore,semaphore_posted_by_handler}
 * runs: {shared_mutex,shared_rwlock,shared_condition,shared_semaphore,named_semaphore,shared_futex}
 * runs: {own_thread_condition,own_thread_mutex,own_thread_futex,joined_thread,once,recursive_mutex,reader}
 */
#include "../program.h"
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/time.h>

static struct together {
    pthread_mutex_t mutex;
    pthread_rwlock_t rwlock;
    pthread_cond_t condition;
    sem_t semaphore;
    int word;
    int done;
} *together, own;
static sem_t *named;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct gate up, waits;

static void make(struct together *these, int shared) {
    pthread_mutexattr_t mutex;
    pthread_rwlockattr_t rwlock;
    pthread_condattr_t condition;
    MUST(pthread_mutexattr_init(&mutex) || pthread_mutexattr_setpshared(&mutex, shared));
    MUST(pthread_rwlockattr_init(&rwlock) || pthread_rwlockattr_setpshared(&rwlock, shared));
    MUST(pthread_condattr_init(&condition) || pthread_condattr_setpshared(&condition, shared));
    MUST(pthread_mutex_init(&these->mutex, &mutex));
    MUST(pthread_rwlock_init(&these->rwlock, &rwlock));
    MUST(pthread_cond_init(&these->condition, &condition));
    MUST(sem_init(&these->semaphore, shared == PTHREAD_PROCESS_SHARED, 0));
}

static void *worker(void *unused) {
    (void)unused;
    gate_open(&up);
    idle_for_ever();
}

static void do_nothing(void) {}

static void post_own(int number) {
    (void)number;
    sem_post(&own.semaphore);
}

/* A thread of the child's own, which ends its wait when it waits. */
static void *helper(void *how) {
    char task[64];
    snprintf(task, sizeof task, "self/task/%d", (int)getpid());
    while (!waits_for_ever(task)) pause_milliseconds(1);
    if (is(how, "own_thread_condition")) {
        MUST(pthread_mutex_lock(&own.mutex));
        own.done = 1;
        MUST(pthread_cond_signal(&own.condition));
        MUST(pthread_mutex_unlock(&own.mutex));
    }
    if (is(how, "own_thread_mutex")) MUST(pthread_mutex_unlock(&own.mutex));
    if (is(how, "own_thread_futex")) syscall(SYS_futex, &own.word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    return NULL;
}

static void *taker(void *how) {
    MUST(pthread_mutex_lock(&own.mutex));
    gate_open(&waits);
    return helper(how);
}

static void in_child(const char *how) {
    struct timespec soon = {0, 20000000}, at;
    clock_gettime(CLOCK_REALTIME, &at);
    pthread_t thread;
    if (is(how, "timed_condition")) {
        MUST(pthread_mutex_lock(&own.mutex));
        if (pthread_cond_timedwait(&own.condition, &own.mutex, &at) != ETIMEDOUT) _exit(BROKEN);
    } else if (is(how, "timed_semaphore")) {
        if (sem_timedwait(&own.semaphore, &at) == 0) _exit(BROKEN);
    } else if (is(how, "timed_futex")) {
        syscall(SYS_futex, &own.word, FUTEX_WAIT_PRIVATE, 0, &soon, NULL, 0);
    } else if (is(how, "futex_of_another_value")) {
        syscall(SYS_futex, &own.word, FUTEX_WAIT_PRIVATE, 7, NULL, NULL, 0);
    } else if (is(how, "posted_semaphore")) {
        MUST(sem_post(&own.semaphore) || sem_wait(&own.semaphore));
    } else if (is(how, "semaphore_posted_by_handler")) {
        struct sigaction action = {.sa_handler = post_own, .sa_flags = SA_RESTART};
        MUST(sigaction(SIGALRM, &action, NULL));
        /* Again and again, because the first may come before the wait. */
        struct itimerval often = {{0, 5000}, {0, 5000}};
        MUST(setitimer(ITIMER_REAL, &often, NULL));
        MUST(sem_wait(&own.semaphore));
    } else if (is(how, "shared_mutex")) {
        MUST(pthread_mutex_lock(&together->mutex));
    } else if (is(how, "shared_rwlock")) {
        MUST(pthread_rwlock_rdlock(&together->rwlock));
    } else if (is(how, "shared_condition")) {
        MUST(pthread_mutex_lock(&together->mutex));
        while (!together->done) MUST(pthread_cond_wait(&together->condition, &together->mutex));
    } else if (is(how, "shared_semaphore")) {
        MUST(sem_wait(&together->semaphore));
    } else if (is(how, "named_semaphore")) {
        MUST(sem_wait(named));
    } else if (is(how, "shared_futex")) {
        while (!__atomic_load_n(&together->word, __ATOMIC_SEQ_CST))
            syscall(SYS_futex, &together->word, FUTEX_WAIT, 0, NULL, NULL, 0);
    } else if (is(how, "own_thread_condition")) {
        MUST(pthread_mutex_lock(&own.mutex));
        thread = start("helper", helper, (void *)how);
        while (!own.done) MUST(pthread_cond_wait(&own.condition, &own.mutex));
        MUST(pthread_mutex_unlock(&own.mutex) || pthread_join(thread, NULL));
    } else if (is(how, "own_thread_mutex")) {
        thread = start("taker", taker, (void *)how);
        gate_pass(&waits);
        MUST(pthread_mutex_lock(&own.mutex) || pthread_join(thread, NULL));
    } else if (is(how, "own_thread_futex")) {
        thread = start("helper", helper, (void *)how);
        syscall(SYS_futex, &own.word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
        MUST(pthread_join(thread, NULL));
    } else if (is(how, "joined_thread")) {
        thread = start("short", (void *(*)(void *))(void *)do_nothing, NULL);
        MUST(pthread_join(thread, NULL));
    } else if (is(how, "once")) {
        MUST(pthread_once(&once, do_nothing));
    } else if (is(how, "recursive_mutex")) {
        MUST(pthread_mutex_lock(&recursive) || pthread_mutex_lock(&recursive));
    } else {
        MUST(pthread_rwlock_rdlock(&own.rwlock) || pthread_rwlock_rdlock(&own.rwlock));
    }
    _exit(FINE);
}

/* The parent ends a wait for something that both share, when the child waits for it. */
static void end_shared_wait(const char *how, pid_t child) {
    char task[32];
    snprintf(task, sizeof task, "%d", (int)child);
    while (!waits_for_ever(task)) pause_milliseconds(1);
    if (is(how, "shared_mutex")) MUST(pthread_mutex_unlock(&together->mutex));
    if (is(how, "shared_rwlock")) MUST(pthread_rwlock_unlock(&together->rwlock));
    if (is(how, "shared_condition")) {
        MUST(pthread_mutex_lock(&together->mutex));
        together->done = 1;
        MUST(pthread_cond_signal(&together->condition));
        MUST(pthread_mutex_unlock(&together->mutex));
    }
    if (is(how, "shared_semaphore")) MUST(sem_post(&together->semaphore));
    if (is(how, "named_semaphore")) MUST(sem_post(named));
    if (is(how, "shared_futex")) {
        __atomic_store_n(&together->word, 1, __ATOMIC_SEQ_CST);
        syscall(SYS_futex, &together->word, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
}

int main(int count, char **words) {
    const char *how = count > 1 ? words[1] : "timed_condition";
    char name[64];
    together = mmap(NULL, sizeof *together, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (together == MAP_FAILED) broken("mmap");
    snprintf(name, sizeof name, "/forkwatch-test-%d", (int)getpid());
    named = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
    if (named == SEM_FAILED) broken("sem_open");
    MUST(sem_unlink(name));
    make(together, PTHREAD_PROCESS_SHARED);
    make(&own, PTHREAD_PROCESS_PRIVATE);
    gate_make(&up);
    gate_make(&waits);
    start("worker", worker, NULL);
    gate_pass(&up);
    if (is(how, "shared_mutex")) MUST(pthread_mutex_lock(&together->mutex));
    if (is(how, "shared_rwlock")) MUST(pthread_rwlock_wrlock(&together->rwlock));
    pid_t child = fork();
    if (child == 0) in_child(how);
    if (strncmp(how, "shared_", 7) == 0 || is(how, "named_semaphore")) end_shared_wait(how, child);
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    say("child: status %d", status);
    return status == 0 ? FINE : BROKEN;
}
