/* Calls that fail return what they return without us, keep errno alone, and take nothing: nothing is held at the fork but
 * by the forking thread.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
 */
#include "../program.h"

static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER, checked = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spinlock;
static sem_t semaphore;
static struct gate ready;

#define TELL(call) do { errno = 1234; int result = (call); say("%s: %d, errno %d", #call, result, errno); } while (0)

static void *tries(void *unused) {
    (void)unused;
    struct timespec past = {1, 0};
    TELL(pthread_mutex_trylock(&plain));
    TELL(pthread_mutex_timedlock(&plain, &past));
    TELL(pthread_mutex_clocklock(&plain, CLOCK_MONOTONIC, &past));
    TELL(pthread_mutex_unlock(&checked));
    TELL(pthread_rwlock_tryrdlock(&rwlock));
    TELL(pthread_rwlock_trywrlock(&rwlock));
    TELL(pthread_rwlock_timedrdlock(&rwlock, &past));
    TELL(pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, &past));
    TELL(pthread_spin_trylock(&spinlock));
    TELL(sem_trywait(&semaphore));
    TELL(sem_timedwait(&semaphore, &past));
    TELL(sem_clockwait(&semaphore, CLOCK_MONOTONIC, &past));
    gate_open(&ready);
    idle_for_ever();
}

int main(void) {
    MUST(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE));
    TELL(sem_init(&semaphore, 0, 1));
    TELL(pthread_mutex_lock(&plain));
    TELL(pthread_mutex_lock(&checked));
    TELL(pthread_mutex_lock(&checked));
    TELL(pthread_rwlock_wrlock(&rwlock));
    TELL(pthread_spin_lock(&spinlock));
    TELL(sem_wait(&semaphore));
    gate_make(&ready);
    start("tries", tries, NULL);
    gate_pass(&ready);
    errno = 1234;
    pid_t child = fork();
    if (errno != 1234) broken("errno");
    if (child == 0) _exit(FINE);
    return verdict(child);
}
