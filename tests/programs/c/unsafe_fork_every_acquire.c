/* H1: one thread holds one lock for each function that takes one; the record must list them all. Then it gives each back
 * through each function that does; a second fork must list none.
 * expect: unsafe_fork ERROR fork=fork_while_held locks=27 threads=1
 * with: lock=mutex owner=keeper acquired=take_mutexes
 * with: lock=rwlock_read owner=keeper acquired=take_for_reading
 * with: lock=rwlock_write owner=keeper acquired=take_for_writing
 * with: lock=spinlock owner=keeper acquired=take_spinlocks
 * with: lock=semaphore owner=keeper acquired=take_semaphores
 * expect: unsafe_fork WARN fork=fork_while_free locks=0 threads=1
 * expect: orphaned_lock FATAL call=sem_wait lock=semaphore owner=keeper acquired=take_semaphores in=fork_while_held same_fork=yes
 */
#include "../program.h"
#include <dlfcn.h>
#include <threads.h>

typedef int function(void *);
static pthread_mutex_t mutexes[6];
static mtx_t c11[3];
static pthread_rwlock_t readers[6], writers[6];
static pthread_spinlock_t spinlocks[2];
static sem_t semaphores[4];
static struct gate held, release, done;

/* libc's other name of a function, where this libc still exports it. */
static function *other_name(const char *name, void *plain) {
    void *found = dlsym(RTLD_DEFAULT, name);
    return (function *)(found ? found : plain);
}
#define CALL(name, plain, lock) MUST(other_name(name, (void *)plain)(lock))

static void take_mutexes(struct timespec *deadline) {
    MUST(pthread_mutex_lock(&mutexes[0]));
    MUST(pthread_mutex_trylock(&mutexes[1]));
    MUST(pthread_mutex_timedlock(&mutexes[2], deadline));
    MUST(pthread_mutex_clocklock(&mutexes[3], CLOCK_MONOTONIC, deadline));
    CALL("__pthread_mutex_lock", pthread_mutex_lock, &mutexes[4]);
    CALL("__pthread_mutex_trylock", pthread_mutex_trylock, &mutexes[5]);
    MUST(mtx_lock(&c11[0]));
    MUST(mtx_trylock(&c11[1]));
    MUST(mtx_timedlock(&c11[2], deadline));
}

static void take_for_reading(struct timespec *deadline) {
    MUST(pthread_rwlock_rdlock(&readers[0]));
    MUST(pthread_rwlock_tryrdlock(&readers[1]));
    MUST(pthread_rwlock_timedrdlock(&readers[2], deadline));
    MUST(pthread_rwlock_clockrdlock(&readers[3], CLOCK_MONOTONIC, deadline));
    CALL("__pthread_rwlock_rdlock", pthread_rwlock_rdlock, &readers[4]);
    CALL("__pthread_rwlock_tryrdlock", pthread_rwlock_tryrdlock, &readers[5]);
}

static void take_for_writing(struct timespec *deadline) {
    MUST(pthread_rwlock_wrlock(&writers[0]));
    MUST(pthread_rwlock_trywrlock(&writers[1]));
    MUST(pthread_rwlock_timedwrlock(&writers[2], deadline));
    MUST(pthread_rwlock_clockwrlock(&writers[3], CLOCK_MONOTONIC, deadline));
    CALL("__pthread_rwlock_wrlock", pthread_rwlock_wrlock, &writers[4]);
    CALL("__pthread_rwlock_trywrlock", pthread_rwlock_trywrlock, &writers[5]);
}

static void take_spinlocks(void) {
    MUST(pthread_spin_lock(&spinlocks[0]));
    MUST(pthread_spin_trylock(&spinlocks[1]));
}

static void take_semaphores(struct timespec *deadline) {
    MUST(sem_wait(&semaphores[0]));
    MUST(sem_trywait(&semaphores[1]));
    MUST(sem_timedwait(&semaphores[2], deadline));
    MUST(sem_clockwait(&semaphores[3], CLOCK_MONOTONIC, deadline));
}

static void give_all_back(void) {
    for (int i = 0; i < 5; i++) MUST(pthread_mutex_unlock(&mutexes[i]));
    CALL("__pthread_mutex_unlock", pthread_mutex_unlock, &mutexes[5]);
    for (int i = 0; i < 3; i++) MUST(mtx_unlock(&c11[i]));
    for (int i = 0; i < 6; i++) MUST(pthread_rwlock_unlock(&readers[i]));
    for (int i = 0; i < 5; i++) MUST(pthread_rwlock_unlock(&writers[i]));
    CALL("__pthread_rwlock_unlock", pthread_rwlock_unlock, &writers[5]);
    for (int i = 0; i < 2; i++) MUST(pthread_spin_unlock(&spinlocks[i]));
    for (int i = 0; i < 4; i++) MUST(sem_post(&semaphores[i]));
}

static void *keeper(void *unused) {
    (void)unused;
    struct timespec deadline = in_an_hour();
    take_mutexes(&deadline);
    take_for_reading(&deadline);
    take_for_writing(&deadline);
    take_spinlocks();
    take_semaphores(&deadline);
    gate_open(&held);
    gate_pass(&release);
    give_all_back();
    gate_open(&done);
    idle_for_ever();
}

static int fork_while_held(void) {
    pid_t child = fork();
    if (child == 0) {
        sem_wait(&semaphores[3]);
        _exit(FINE);
    }
    return verdict(child);
}

static int fork_while_free(void) {
    pid_t child = fork();
    if (child == 0) {
        sem_wait(&semaphores[3]);
        MUST(pthread_mutex_lock(&mutexes[5]));
        MUST(pthread_rwlock_wrlock(&readers[5]));
        _exit(FINE);
    }
    return verdict(child);
}

int main(void) {
    for (int i = 0; i < 6; i++) {
        MUST(pthread_mutex_init(&mutexes[i], NULL));
        MUST(pthread_rwlock_init(&readers[i], NULL));
        MUST(pthread_rwlock_init(&writers[i], NULL));
    }
    for (int i = 0; i < 3; i++) MUST(mtx_init(&c11[i], mtx_timed));
    for (int i = 0; i < 2; i++) MUST(pthread_spin_init(&spinlocks[i], PTHREAD_PROCESS_PRIVATE));
    for (int i = 0; i < 4; i++) MUST(sem_init(&semaphores[i], 0, 1));
    gate_make(&held);
    gate_make(&release);
    gate_make(&done);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    int first = fork_while_held();
    gate_open(&release);
    gate_pass(&done);
    int second = fork_while_free();
    return second == FINE ? first : BROKEN;
}
