/* The forking thread itself holds locks, which its child releases: another thread is alive, so a warning, but these locks
 * are nobody else's.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
 */
#include "../program.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spinlock;
static sem_t semaphore;
static struct gate ready;

static void *idler(void *unused) {
    (void)unused;
    gate_open(&ready);
    idle_for_ever();
}

static void give_back(void) {
    MUST(pthread_mutex_unlock(&mutex));
    MUST(pthread_rwlock_unlock(&rwlock));
    MUST(pthread_spin_unlock(&spinlock));
    MUST(sem_post(&semaphore));
}

static void take(void) {
    MUST(pthread_mutex_lock(&mutex));
    MUST(pthread_rwlock_rdlock(&rwlock));
    MUST(pthread_spin_lock(&spinlock));
    MUST(sem_wait(&semaphore));
}

int main(void) {
    MUST(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE));
    MUST(sem_init(&semaphore, 0, 1));
    gate_make(&ready);
    start("idler", idler, NULL);
    gate_pass(&ready);
    take();
    pid_t child = fork();
    give_back();
    if (child == 0) {
        take();
        give_back();
        _exit(FINE);
    }
    return verdict(child);
}
