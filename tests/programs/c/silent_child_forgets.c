/* What was a held lock in the parent is none any more in the child: reinitialised after it
 * was destroyed or freed, or released by the child itself, where the lock lets it. At the fork that cannot be known. The
 * child's use of it is fine.
 * expect: at-most ERROR
 * expect: unsafe_fork ERROR fork=main locks=1 threads=1
 * runs: mutex {unlock,free}
 * runs: {rwlock,semaphore} destroy
 * runs: {semaphore,spinlock} unlock
 */
#include "../program.h"

union lock { pthread_mutex_t mutex; pthread_rwlock_t rwlock; pthread_spinlock_t spinlock; sem_t semaphore; };
static union lock *vault;
static struct gate held;
static const char *kind, *how;

static void make(void) {
    if (is(kind, "mutex")) MUST(pthread_mutex_init(&vault->mutex, NULL));
    if (is(kind, "rwlock")) MUST(pthread_rwlock_init(&vault->rwlock, NULL));
    if (is(kind, "spinlock")) MUST(pthread_spin_init(&vault->spinlock, PTHREAD_PROCESS_PRIVATE));
    if (is(kind, "semaphore")) MUST(sem_init(&vault->semaphore, 0, 1));
}

static void take(void) {
    if (is(kind, "mutex")) MUST(pthread_mutex_lock(&vault->mutex));
    if (is(kind, "rwlock")) MUST(pthread_rwlock_wrlock(&vault->rwlock));
    if (is(kind, "spinlock")) MUST(pthread_spin_lock(&vault->spinlock));
    if (is(kind, "semaphore")) MUST(sem_wait(&vault->semaphore));
}

static void give_back(void) {
    if (is(kind, "mutex")) MUST(pthread_mutex_unlock(&vault->mutex));
    if (is(kind, "rwlock")) MUST(pthread_rwlock_unlock(&vault->rwlock));
    if (is(kind, "spinlock")) MUST(pthread_spin_unlock(&vault->spinlock));
    if (is(kind, "semaphore")) MUST(sem_post(&vault->semaphore));
}

/* libc refuses to destroy a mutex that is locked, and says so; the caller does not care. */
static void destroy(void) {
    if (is(kind, "mutex")) pthread_mutex_destroy(&vault->mutex);
    if (is(kind, "rwlock")) pthread_rwlock_destroy(&vault->rwlock);
    if (is(kind, "spinlock")) pthread_spin_destroy(&vault->spinlock);
    if (is(kind, "semaphore")) sem_destroy(&vault->semaphore);
}

static void forget(void) {
    if (is(how, "destroy")) destroy(), make();
    if (is(how, "unlock")) give_back();
    if (is(how, "free")) {
        free(vault);
        vault = malloc(sizeof *vault);
        make();
    }
}

static void *keeper(void *unused) {
    (void)unused;
    take();
    gate_open(&held);
    idle_for_ever();
}

int main(int count, char **words) {
    kind = count > 1 ? words[1] : "mutex";
    how = count > 2 ? words[2] : "unlock";
    vault = malloc(sizeof *vault);
    if (!vault) broken("malloc");
    make();
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        forget();
        for (int round = 0; round < 2; round++) {
            take();
            give_back();
        }
        _exit(FINE);
    }
    return verdict(child);
}
