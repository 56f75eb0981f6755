/* A lock on the heap has no name: what is known of it in every run is where it was made, in parent and child alike. One that was destroyed
 * and is locked anew by its initialiser alone is another lock.
 * expect: unsafe_fork ERROR locks=1 threads=1
 * with: owner=keeper acquired=vault_open maker=$2
 * expect: orphaned_lock FATAL owner=keeper acquired=vault_open maker=$2 same_fork=yes
 * runs: {mutex,rwlock,spinlock,c11} vault_new
 * runs: again nowhere
 */
#include "../program.h"
#include <threads.h>

struct vault {
    long gold;
    union {
        pthread_mutex_t mutex;
        pthread_rwlock_t rwlock;
        pthread_spinlock_t spinlock;
        mtx_t c11;
    } door;
};

static struct vault *vault;
static struct gate held;
static const char *how;

__attribute__((noinline)) static struct vault *vault_new(void) {
    struct vault *made = calloc(1, sizeof *made);
    if (made == NULL) broken("calloc");
    if (is(how, "rwlock")) MUST(pthread_rwlock_init(&made->door.rwlock, NULL));
    else if (is(how, "spinlock")) MUST(pthread_spin_init(&made->door.spinlock, PTHREAD_PROCESS_PRIVATE));
    else if (is(how, "c11")) MUST(mtx_init(&made->door.c11, mtx_plain) != thrd_success);
    else MUST(pthread_mutex_init(&made->door.mutex, NULL));
    if (is(how, "again")) {
        MUST(pthread_mutex_destroy(&made->door.mutex));
        made->door.mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    }
    /* Keeps the call to the lock's function from being the last. */
    made->gold = 1;
    return made;
}

__attribute__((noinline)) static void vault_open(void) {
    if (is(how, "rwlock")) MUST(pthread_rwlock_wrlock(&vault->door.rwlock));
    else if (is(how, "spinlock")) MUST(pthread_spin_lock(&vault->door.spinlock));
    else if (is(how, "c11")) MUST(mtx_lock(&vault->door.c11) != thrd_success);
    else MUST(pthread_mutex_lock(&vault->door.mutex));
    vault->gold++;
}

static void *keeper(void *unused) {
    (void)unused;
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "mutex";
    gate_make(&held);
    vault = vault_new();
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        vault_open();
        _exit(FINE);
    }
    return verdict(child);
}
