/* H2: in the child, calls that do not wait for ever try to take a lock of a lost thread: each returns without it.
 * expect: unsafe_fork ERROR locks=1 threads=1
 * expect: orphaned_lock ERROR call=$1 owner=keeper acquired=vault_open in=attempt blocking=false same_fork=yes
 * suppress: unsafe_fork:vault_open
 * suppress: orphaned_lock:attempt
 * bare: 0
 * runs: {pthread_mutex_trylock,pthread_mutex_timedlock,pthread_mutex_clocklock,mtx_trylock,mtx_timedlock}
 * runs: {pthread_rwlock_tryrdlock,pthread_rwlock_timedrdlock,pthread_rwlock_trywrlock,pthread_rwlock_timedwrlock}
 * runs: {sem_trywait,sem_timedwait,sem_clockwait,pthread_spin_trylock}
 */
#include "../program.h"
#include <threads.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spinlock;
static sem_t semaphore;
static mtx_t plain;
static struct gate held;
static const char *call;

static int is_of(const char *family) { return strncmp(call, family, strlen(family)) == 0; }

static void vault_open(void) {
    if (is_of("pthread_mutex")) MUST(pthread_mutex_lock(&mutex));
    if (is_of("pthread_rwlock")) MUST(pthread_rwlock_wrlock(&rwlock));
    if (is_of("pthread_spin")) MUST(pthread_spin_lock(&spinlock));
    if (is_of("sem")) MUST(sem_wait(&semaphore));
    if (is_of("mtx")) MUST(mtx_lock(&plain));
}

static void *keeper(void *unused) {
    (void)unused;
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

/* 0 where the call gave the lock. */
static int attempt(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (is(call, "pthread_mutex_trylock")) return pthread_mutex_trylock(&mutex);
    if (is(call, "pthread_mutex_timedlock")) return pthread_mutex_timedlock(&mutex, &now);
    if (is(call, "pthread_mutex_clocklock")) return pthread_mutex_clocklock(&mutex, CLOCK_REALTIME, &now);
    if (is(call, "mtx_trylock")) return mtx_trylock(&plain) != thrd_success;
    if (is(call, "mtx_timedlock")) return mtx_timedlock(&plain, &now) != thrd_success;
    if (is(call, "pthread_rwlock_tryrdlock")) return pthread_rwlock_tryrdlock(&rwlock);
    if (is(call, "pthread_rwlock_timedrdlock")) return pthread_rwlock_timedrdlock(&rwlock, &now);
    if (is(call, "pthread_rwlock_trywrlock")) return pthread_rwlock_trywrlock(&rwlock);
    if (is(call, "pthread_rwlock_timedwrlock")) return pthread_rwlock_timedwrlock(&rwlock, &now);
    if (is(call, "sem_trywait")) return sem_trywait(&semaphore);
    if (is(call, "sem_timedwait")) return sem_timedwait(&semaphore, &now);
    if (is(call, "sem_clockwait")) return sem_clockwait(&semaphore, CLOCK_REALTIME, &now);
    return pthread_spin_trylock(&spinlock);
}

int main(int count, char **words) {
    call = count > 1 ? words[1] : "pthread_mutex_trylock";
    MUST(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE));
    MUST(sem_init(&semaphore, 0, 1));
    MUST(mtx_init(&plain, mtx_timed) != thrd_success);
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        /* Each is reported once, however often it is tried. */
        for (int times = 0; times < 3; times++)
            if (attempt() == 0) _exit(BROKEN);
        _exit(FINE);
    }
    return verdict(child);
}
