/* A lock that another thread holds at the fork is reinitialised in the child before anybody takes it: reported at the fork, and not
 * again. $1 says how, $2 which kind of lock. Only a handler does so in time for the fork's severity.
 * expect: unsafe_fork locks=1 threads=1
 * suppress: unsafe_fork:vault_open
 * bare: 0
 * runs: init {mutex,rwlock,semaphore,spinlock}
 * runs: destroyed {mutex,semaphore,spinlock}
 * runs: handler mutex
 * runs: assigned {mutex,rwlock}
 * runs: unmapped {mutex,rwlock,semaphore,spinlock}
 * runs: posted semaphore
 */
#include "../program.h"
#include <sys/mman.h>

static union vault {
    pthread_mutex_t mutex;
    pthread_rwlock_t rwlock;
    sem_t semaphore;
    pthread_spinlock_t spinlock;
} *vault;
static struct gate held;
static const char *how, *sort;

static void vault_map(void) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (vault ? MAP_FIXED : 0);
    vault = mmap(vault, 4096, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (vault == MAP_FAILED) broken("mmap");
}

static void vault_make(void) {
    if (is(sort, "mutex")) MUST(pthread_mutex_init(&vault->mutex, NULL));
    if (is(sort, "rwlock")) MUST(pthread_rwlock_init(&vault->rwlock, NULL));
    if (is(sort, "semaphore")) MUST(sem_init(&vault->semaphore, 0, 1));
    if (is(sort, "spinlock")) MUST(pthread_spin_init(&vault->spinlock, PTHREAD_PROCESS_PRIVATE));
}

static void vault_open(void) {
    if (is(sort, "mutex")) MUST(pthread_mutex_lock(&vault->mutex));
    if (is(sort, "rwlock")) MUST(pthread_rwlock_wrlock(&vault->rwlock));
    if (is(sort, "semaphore")) MUST(sem_wait(&vault->semaphore));
    if (is(sort, "spinlock")) MUST(pthread_spin_lock(&vault->spinlock));
}

static void vault_close(void) {
    if (is(sort, "mutex")) MUST(pthread_mutex_unlock(&vault->mutex));
    if (is(sort, "rwlock")) MUST(pthread_rwlock_unlock(&vault->rwlock));
    if (is(sort, "semaphore")) MUST(sem_post(&vault->semaphore));
    if (is(sort, "spinlock")) MUST(pthread_spin_unlock(&vault->spinlock));
}

/* 0 where the lock is refused at once: by then it is the child's own. */
static int vault_is_open(void) {
    if (is(sort, "mutex")) return pthread_mutex_trylock(&vault->mutex) == 0;
    if (is(sort, "rwlock")) return pthread_rwlock_trywrlock(&vault->rwlock) == 0;
    if (is(sort, "semaphore")) return sem_trywait(&vault->semaphore) == 0;
    return pthread_spin_trylock(&vault->spinlock) == 0;
}

static void in_child(void) {
    if (is(how, "init")) vault_make();
    if (is(how, "destroyed")) {
        /* What destroys a lock that is held is undefined for a mutex, and refused by nobody. */
        if (is(sort, "mutex")) pthread_mutex_destroy(&vault->mutex);
        if (is(sort, "semaphore")) MUST(sem_destroy(&vault->semaphore));
        if (is(sort, "spinlock")) MUST(pthread_spin_destroy(&vault->spinlock));
        vault_make();
    }
    if (is(how, "assigned")) {
        static const pthread_mutex_t free_mutex = PTHREAD_MUTEX_INITIALIZER;
        static const pthread_rwlock_t free_rwlock = PTHREAD_RWLOCK_INITIALIZER;
        if (is(sort, "mutex")) vault->mutex = free_mutex;
        if (is(sort, "rwlock")) vault->rwlock = free_rwlock;
    }
    if (is(how, "unmapped")) {
        vault_map();
        vault_make();
    }
    if (is(how, "posted")) MUST(sem_post(&vault->semaphore));
    vault_open();
    if (vault_is_open()) _exit(BROKEN);
    vault_close();
    vault_open();
    vault_close();
    _exit(FINE);
}

static void *keeper(void *unused) {
    (void)unused;
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "init";
    sort = count > 2 ? words[2] : "mutex";
    vault_map();
    vault_make();
    if (is(how, "handler")) MUST(pthread_atfork(NULL, NULL, vault_make));
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) in_child();
    return verdict(child);
}
