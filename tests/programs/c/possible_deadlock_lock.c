/* H16: a thread takes a lock again and again, and the first child is forked while the lock happens to be free. The child takes it
 * without trouble, and the report names it all the same. The second child is forked while the thread holds the lock, and never gets
 * it: that is what the first was spared by luck.
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
 * expect: unsafe_fork ERROR fork=main locks=1 threads=1
 * expect: possible_deadlock ERROR in=withdraw same_fork=yes
 * with: lock=$2 owner=keeper acquired=deposit
 * expect: orphaned_lock FATAL in=withdraw same_fork=yes
 * with: lock=$2 owner=keeper acquired=deposit
 * suppress: unsafe_fork:main
 * suppress: possible_deadlock:withdraw
 * suppress: orphaned_lock:deposit
 * runs: mutex mutex
 * runs: recursive mutex
 * runs: write rwlock_write
 * runs: read rwlock_write
 * runs: spinlock spinlock
 * runs: semaphore semaphore
 */
#include "../program.h"

static const char *kind;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spinlock;
static sem_t semaphore;
static struct gate taken_often, keep, kept;

static void give_back(void) {
    if (is(kind, "mutex") || is(kind, "recursive")) MUST(pthread_mutex_unlock(&mutex));
    if (is(kind, "write") || is(kind, "read")) MUST(pthread_rwlock_unlock(&rwlock));
    if (is(kind, "spinlock")) MUST(pthread_spin_unlock(&spinlock));
    if (is(kind, "semaphore")) MUST(sem_post(&semaphore));
}

#define TAKE(take_rwlock) \
    if (is(kind, "mutex") || is(kind, "recursive")) MUST(pthread_mutex_lock(&mutex)); \
    if (is(kind, "write") || is(kind, "read")) MUST(take_rwlock); \
    if (is(kind, "spinlock")) MUST(pthread_spin_lock(&spinlock)); \
    if (is(kind, "semaphore")) MUST(sem_wait(&semaphore))

static void deposit(void) { TAKE(pthread_rwlock_wrlock(&rwlock)); }

static void withdraw(void) {
    TAKE(is(kind, "read") ? pthread_rwlock_rdlock(&rwlock) : pthread_rwlock_wrlock(&rwlock));
}

static void *keeper(void *unused) {
    (void)unused;
    for (int times = 0; times < 5; times++) {
        deposit();
        give_back();
        pause_milliseconds(1);
    }
    gate_open(&taken_often);
    gate_pass(&keep);
    deposit();
    gate_open(&kept);
    idle_for_ever();
}

static pid_t forked(void) {
    pid_t child = fork();
    if (child == 0) {
        withdraw();
        give_back();
        _exit(FINE);
    }
    return child;
}

int main(int count, char **words) {
    kind = count > 1 ? words[1] : "mutex";
    pthread_mutexattr_t attributes;
    MUST(pthread_mutexattr_init(&attributes));
    if (is(kind, "recursive")) MUST(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE));
    MUST(pthread_mutex_init(&mutex, &attributes));
    MUST(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE));
    MUST(sem_init(&semaphore, 0, 1));
    gate_make(&taken_often);
    gate_make(&keep);
    gate_make(&kept);
    start("keeper", keeper, NULL);
    gate_pass(&taken_often);
    if (verdict(forked()) != FINE) broken("the lock was free");
    gate_open(&keep);
    gate_pass(&kept);
    return verdict(forked());
}
