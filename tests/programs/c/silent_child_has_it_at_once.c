/* The child calls what can block, but it need not: a semaphore above nought, a lock that is free, a lock of its own that it
 * made, a once that runs again, a condition that holds already. One thread of the parent was busy with all of them.
 * expect: at-most WARN
 * expect: unsafe_fork WARN function=fork fork=main locks=0 threads=1
 */
#include "../program.h"
#include <linux/futex.h>
#include <threads.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spinlock;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static once_flag c11_once = ONCE_FLAG_INIT;
static sem_t signals, excludes;
static int word = 1, ran;
static struct gate ready;

static void use_all(void) {
    MUST(pthread_mutex_lock(&mutex));
    while (word == 0) pthread_cond_wait(&condition, &mutex);
    MUST(pthread_mutex_unlock(&mutex));
    MUST(pthread_rwlock_rdlock(&rwlock));
    MUST(pthread_rwlock_rdlock(&rwlock));
    MUST(pthread_rwlock_unlock(&rwlock));
    MUST(pthread_rwlock_unlock(&rwlock));
    MUST(pthread_rwlock_wrlock(&rwlock));
    MUST(pthread_rwlock_unlock(&rwlock));
    MUST(pthread_spin_lock(&spinlock));
    MUST(pthread_spin_unlock(&spinlock));
    MUST(sem_wait(&excludes));
    MUST(sem_post(&excludes));
    MUST(sem_post(&signals));
    MUST(sem_wait(&signals));
    /* The word is not what the caller believes, so this comes back. */
    if (syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL) == 0 || errno != EAGAIN) broken("futex");
}

static void *busy(void *unused) {
    (void)unused;
    use_all();
    gate_open(&ready);
    idle_for_ever();
}

static void runs_once(void) { ran++; }

int main(void) {
    MUST(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE));
    MUST(sem_init(&signals, 0, 2));
    MUST(sem_init(&excludes, 0, 1));
    gate_make(&ready);
    start("busy", busy, NULL);
    gate_pass(&ready);
    pid_t child = fork();
    if (child == 0) {
        use_all();
        MUST(sem_wait(&signals) || sem_wait(&signals));
        pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
        MUST(pthread_mutex_lock(&fresh));
        MUST(pthread_mutex_unlock(&fresh));
        MUST(pthread_once(&once, runs_once));
        call_once(&c11_once, runs_once);
        _exit(ran == 2 ? FINE : BROKEN);
    }
    return verdict(child);
}
