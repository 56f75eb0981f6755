/* Each function for locks, waits and threads once where it succeeds and once where it cannot: what it returns, what becomes of
 * errno, and what it did, as another thread sees it. No fork: nothing is to be reported.
 * expect: silent
 */
#include "../program.h"
#include <dlfcn.h>
#include <threads.h>

/* What a call gave back, and that it left errno alone or set it as without us. */
#define TELL(call) do { errno = 1234; long result = (long)(call); say("%s: %ld, errno %d", #call, result, errno); } while (0)

typedef int function(void *);
static pthread_mutex_t mutex, other_mutex, checked = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static mtx_t c11;
static pthread_rwlock_t rwlock;
static pthread_spinlock_t spinlock;
static sem_t semaphore;
static struct timespec past = {1, 0}, later;

/* libc's other names of functions. They are looked up before `main`, because that takes the loader's lock, which another thread
 * may hold in a run of this program. Newer versions of libc export only the plain name. */
#define EACH_OTHER_NAME(DO) \
    DO(__pthread_mutex_trylock) DO(__pthread_mutex_lock) DO(__pthread_mutex_unlock) DO(__pthread_rwlock_tryrdlock) \
    DO(__pthread_rwlock_trywrlock) DO(__pthread_rwlock_rdlock) DO(__pthread_rwlock_wrlock) \
    DO(__pthread_rwlock_unlock)
#define PLACE(name) static function *other##name;
#define FIND(name) other##name = find(#name);
#define OTHER(name) other##name
EACH_OTHER_NAME(PLACE)

static function *find(const char *name) {
    void *found = dlsym(RTLD_DEFAULT, name);
    return (function *)(found ? found : dlsym(RTLD_DEFAULT, name + strlen("__")));
}

__attribute__((constructor)) static void find_other_names(void) { EACH_OTHER_NAME(FIND) }

/* Runs in a thread of its own, to whom the locks of main are those of another. */
static void aside(void (*routine)(void)) {
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, (void *(*)(void *))(void *)routine, NULL));
    MUST(pthread_join(thread, NULL));
}

static void mutexes_of_another(void) {
    TELL(pthread_mutex_trylock(&mutex));
    TELL(OTHER(__pthread_mutex_trylock)(&mutex));
    TELL(pthread_mutex_timedlock(&mutex, &past));
    TELL(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &past));
    TELL(pthread_mutex_lock(&other_mutex));
    TELL(pthread_mutex_unlock(&other_mutex));
    TELL(mtx_trylock(&c11));
    TELL(mtx_timedlock(&c11, &past));
}

static void free_mutexes(void) {
    TELL(pthread_mutex_trylock(&mutex));
    TELL(pthread_mutex_unlock(&mutex));
    TELL(mtx_trylock(&c11));
    TELL(mtx_unlock(&c11));
}

static void with_mutexes(void) {
    function *lock = OTHER(__pthread_mutex_lock), *unlock = OTHER(__pthread_mutex_unlock);
    for (int way = 0; way < 6; way++) {
        if (way == 0) TELL(pthread_mutex_lock(&mutex));
        if (way == 1) TELL(lock(&mutex));
        if (way == 2) TELL(pthread_mutex_trylock(&mutex));
        if (way == 3) TELL(OTHER(__pthread_mutex_trylock)(&mutex));
        if (way == 4) TELL(pthread_mutex_timedlock(&mutex, &later));
        if (way == 5) TELL(pthread_mutex_clocklock(&mutex, CLOCK_REALTIME, &later));
        if (way == 0) TELL(mtx_lock(&c11));
        else if (way == 1) TELL(mtx_trylock(&c11));
        else TELL(mtx_timedlock(&c11, &later));
        aside(mutexes_of_another);
        if (way == 1) TELL(unlock(&mutex));
        else TELL(pthread_mutex_unlock(&mutex));
        TELL(mtx_unlock(&c11));
        aside(free_mutexes);
    }
    TELL(pthread_mutex_lock(&checked));
    TELL(pthread_mutex_lock(&checked));
    TELL(lock(&checked));
    TELL(pthread_mutex_unlock(&checked));
    TELL(pthread_mutex_unlock(&checked));
    TELL(unlock(&checked));
    TELL(pthread_mutex_timedlock(&checked, &later));
    TELL(pthread_mutex_timedlock(&checked, &later));
    TELL(pthread_mutex_clocklock(&checked, 99, &later));
}

static void rwlock_of_another(void) {
    TELL(pthread_rwlock_tryrdlock(&rwlock));
    TELL(pthread_rwlock_trywrlock(&rwlock));
    TELL(OTHER(__pthread_rwlock_tryrdlock)(&rwlock));
    TELL(OTHER(__pthread_rwlock_trywrlock)(&rwlock));
    TELL(pthread_rwlock_timedwrlock(&rwlock, &past));
    TELL(pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, &past));
}

static void written_rwlock(void) {
    rwlock_of_another();
    TELL(pthread_rwlock_timedrdlock(&rwlock, &past));
    TELL(pthread_rwlock_clockrdlock(&rwlock, CLOCK_MONOTONIC, &past));
    TELL(pthread_rwlock_clockrdlock(&rwlock, 99, &past));
    TELL(pthread_rwlock_clockwrlock(&rwlock, 99, &past));
}

/* Takes the locks for reading that another thread could take, too, and gives those back. */
static void read_rwlock(void) {
    TELL(pthread_rwlock_tryrdlock(&rwlock));
    TELL(pthread_rwlock_unlock(&rwlock));
    TELL(pthread_rwlock_trywrlock(&rwlock));
}

static void free_rwlock(void) {
    TELL(pthread_rwlock_trywrlock(&rwlock));
    TELL(pthread_rwlock_unlock(&rwlock));
}

static void with_rwlocks(void) {
    for (int way = 0; way < 12; way++) {
        if (way == 0) TELL(pthread_rwlock_rdlock(&rwlock));
        if (way == 1) TELL(OTHER(__pthread_rwlock_rdlock)(&rwlock));
        if (way == 2) TELL(pthread_rwlock_tryrdlock(&rwlock));
        if (way == 3) TELL(OTHER(__pthread_rwlock_tryrdlock)(&rwlock));
        if (way == 4) TELL(pthread_rwlock_timedrdlock(&rwlock, &later));
        if (way == 5) TELL(pthread_rwlock_clockrdlock(&rwlock, CLOCK_REALTIME, &later));
        if (way == 6) TELL(pthread_rwlock_wrlock(&rwlock));
        if (way == 7) TELL(OTHER(__pthread_rwlock_wrlock)(&rwlock));
        if (way == 8) TELL(pthread_rwlock_trywrlock(&rwlock));
        if (way == 9) TELL(OTHER(__pthread_rwlock_trywrlock)(&rwlock));
        if (way == 10) TELL(pthread_rwlock_timedwrlock(&rwlock, &later));
        if (way == 11) TELL(pthread_rwlock_clockwrlock(&rwlock, CLOCK_REALTIME, &later));
        aside(way < 6 ? read_rwlock : written_rwlock);
        if (way >= 6) {
            /* Who writes waits for nobody, least of all for itself. */
            TELL(pthread_rwlock_rdlock(&rwlock));
            TELL(OTHER(__pthread_rwlock_rdlock)(&rwlock));
            TELL(pthread_rwlock_wrlock(&rwlock));
            TELL(OTHER(__pthread_rwlock_wrlock)(&rwlock));
        }
        if (way % 2 == 0) TELL(pthread_rwlock_unlock(&rwlock));
        else TELL(OTHER(__pthread_rwlock_unlock)(&rwlock));
        aside(free_rwlock);
    }
}

static void busy_spinlock(void) { TELL(pthread_spin_trylock(&spinlock)); }

static void free_spinlock(void) {
    TELL(pthread_spin_trylock(&spinlock));
    TELL(pthread_spin_unlock(&spinlock));
}

static void with_spinlocks(void) {
    TELL(pthread_spin_lock(&spinlock));
    aside(busy_spinlock);
    TELL(pthread_spin_unlock(&spinlock));
    aside(free_spinlock);
}

static int value_of(sem_t *of) {
    int value = -1;
    MUST(sem_getvalue(of, &value));
    return value;
}

static void with_semaphores(void) {
    TELL(sem_init(&semaphore, 0, UINT_MAX));
    /* Whether only threads of this process may wait stands in the third word. */
    TELL(sem_init(&semaphore, 1, 4));
    say("private %u", ((unsigned *)&semaphore)[2]);
    TELL(sem_init(&semaphore, 0, 4));
    say("private %u", ((unsigned *)&semaphore)[2]);
    TELL(sem_wait(&semaphore));
    TELL(value_of(&semaphore));
    TELL(sem_trywait(&semaphore));
    TELL(value_of(&semaphore));
    TELL(sem_timedwait(&semaphore, &later));
    TELL(value_of(&semaphore));
    TELL(sem_clockwait(&semaphore, CLOCK_REALTIME, &later));
    TELL(value_of(&semaphore));
    TELL(sem_trywait(&semaphore));
    TELL(sem_timedwait(&semaphore, &past));
    TELL(sem_clockwait(&semaphore, CLOCK_MONOTONIC, &past));
    TELL(sem_clockwait(&semaphore, 99, &past));
    TELL(sem_post(&semaphore));
    TELL(value_of(&semaphore));
    TELL(sem_destroy(&semaphore));
    TELL(sem_init(&semaphore, 0, SEM_VALUE_MAX));
    TELL(sem_post(&semaphore));
}

int main(void) {
    later = in_an_hour();
    MUST(pthread_mutex_init(&mutex, NULL));
    MUST(pthread_mutex_init(&other_mutex, NULL));
    MUST(mtx_init(&c11, mtx_timed) != thrd_success);
    MUST(pthread_rwlock_init(&rwlock, NULL));
    MUST(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE));
    with_mutexes();
    with_rwlocks();
    with_spinlocks();
    with_semaphores();
    TELL(pthread_mutex_destroy(&mutex));
    TELL(pthread_rwlock_destroy(&rwlock));
    TELL(pthread_spin_destroy(&spinlock));
    mtx_destroy(&c11);
    return FINE;
}
