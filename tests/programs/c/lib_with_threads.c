/* A plugin with threads: one ends while it holds a mutex, one keeps a lock of each kind. For unsafe_fork_loaded_threads. */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER, left = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t ledger = PTHREAD_RWLOCK_INITIALIZER;
static sem_t door;
static struct gate held;

static void *plugin_leave(void *unused) {
    MUST(pthread_setname_np(pthread_self(), "leaver"));
    MUST(pthread_mutex_lock(&left));
    return unused;
}

static void *plugin_keep(void *unused) {
    (void)unused;
    MUST(pthread_mutex_trylock(&vault));
    MUST(pthread_rwlock_wrlock(&ledger));
    MUST(sem_wait(&door));
    gate_open(&held);
    idle_for_ever();
}

void plugin_start(void);
void plugin_start(void) {
    pthread_t leaver;
    MUST(pthread_create(&leaver, NULL, plugin_leave, NULL));
    MUST(pthread_join(leaver, NULL));
    MUST(sem_init(&door, 0, 1));
    gate_make(&held);
    start("keeper", plugin_keep, NULL);
    gate_pass(&held);
}

void plugin_want(void);
void plugin_want(void) { sem_wait(&door); }
