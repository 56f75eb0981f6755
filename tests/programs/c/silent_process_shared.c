/* A lock shared between processes is held by another thread at the fork. Its owner lives on in the parent, so the child
 * waits for it and gets it.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
 * runs: {mutex,rwlock,spinlock,semaphore,named_semaphore}
 */
#include "../program.h"
#include <sys/mman.h>

struct shared { pthread_mutex_t mutex; pthread_rwlock_t rwlock; pthread_spinlock_t spinlock; sem_t semaphore; };
static struct shared *shared;
static sem_t *semaphore;
static struct gate held, release;
static const char *how;

static void make(void) {
    pthread_mutexattr_t mutex;
    pthread_rwlockattr_t rwlock;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) broken("mmap");
    MUST(pthread_mutexattr_init(&mutex) || pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED));
    MUST(pthread_rwlockattr_init(&rwlock) || pthread_rwlockattr_setpshared(&rwlock, PTHREAD_PROCESS_SHARED));
    MUST(pthread_mutex_init(&shared->mutex, &mutex));
    MUST(pthread_rwlock_init(&shared->rwlock, &rwlock));
    MUST(pthread_spin_init(&shared->spinlock, PTHREAD_PROCESS_SHARED));
    MUST(sem_init(&shared->semaphore, 1, 1));
    semaphore = &shared->semaphore;
    if (is(how, "named_semaphore")) {
        char name[64];
        snprintf(name, sizeof name, "/silent_process_shared.%d", (int)getpid());
        if ((semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 1)) == SEM_FAILED) broken("sem_open");
        MUST(sem_unlink(name));
    }
}

static void take(void) {
    if (is(how, "mutex")) MUST(pthread_mutex_lock(&shared->mutex));
    if (is(how, "rwlock")) MUST(pthread_rwlock_wrlock(&shared->rwlock));
    if (is(how, "spinlock")) MUST(pthread_spin_lock(&shared->spinlock));
    if (strstr(how, "semaphore")) MUST(sem_wait(semaphore));
}

static void give_back(void) {
    if (is(how, "mutex")) MUST(pthread_mutex_unlock(&shared->mutex));
    if (is(how, "rwlock")) MUST(pthread_rwlock_unlock(&shared->rwlock));
    if (is(how, "spinlock")) MUST(pthread_spin_unlock(&shared->spinlock));
    if (strstr(how, "semaphore")) MUST(sem_post(semaphore));
}

static void *keeper(void *unused) {
    (void)unused;
    take();
    gate_open(&held);
    gate_pass(&release);
    give_back();
    idle_for_ever();
}

int main(int count, char **words) {
    char task[32];
    how = count > 1 ? words[1] : "mutex";
    make();
    gate_make(&held);
    gate_make(&release);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        take();
        give_back();
        _exit(FINE);
    }
    snprintf(task, sizeof task, "%d", (int)child);
    while (!waits_for_ever(task) && !spins(child)) pause_milliseconds(1);
    gate_open(&release);
    /* Until it has been woken, the child still looks stuck: only its end counts here. */
    int status;
    if (waitpid(child, &status, 0) != child || status != 0) broken("child");
    say("the child waited and got it");
    return FINE;
}
