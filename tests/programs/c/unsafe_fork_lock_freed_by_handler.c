/* At the fork another thread holds a lock, which a child handler makes anew or unlocks: the finding names it so, and is no error.
 * runs: {mutex,semaphore,rwlock,unlock,tried,cleared}
 * expect: unsafe_fork WARN fork=main locks=1 threads=1
 * with: made_anew=true owner=keeper
 * bare: 0
 * suppress: unsafe_fork:*
 */
#include "../program.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t semaphore;
static struct gate held;
static const char *way = "mutex";

static void in_child(void) {
    if (is(way, "mutex")) MUST(pthread_mutex_init(&mutex, NULL));
    if (is(way, "unlock")) MUST(pthread_mutex_unlock(&mutex));
    if (is(way, "cleared")) mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    if (is(way, "semaphore")) MUST(sem_init(&semaphore, 0, 1));
    if (is(way, "rwlock")) MUST(pthread_rwlock_init(&rwlock, NULL));
    if (is(way, "tried") && pthread_mutex_trylock(&mutex) == EBUSY) MUST(pthread_mutex_unlock(&mutex));
}

static void take(void) {
    if (is(way, "semaphore")) MUST(sem_wait(&semaphore));
    else if (is(way, "rwlock")) MUST(pthread_rwlock_wrlock(&rwlock));
    else MUST(pthread_mutex_lock(&mutex));
}

static void *keeper(void *unused) {
    (void)unused;
    take();
    gate_open(&held);
    idle_for_ever();
}

int main(int count, char **words) {
    if (count > 1) way = words[1];
    MUST(sem_init(&semaphore, 0, 1));
    MUST(pthread_atfork(NULL, NULL, in_child));
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        take();
        _exit(FINE);
    }
    return verdict(child);
}
