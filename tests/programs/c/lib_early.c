/* A library whose constructor runs before a preloaded library's: it locks, starts a thread that holds a lock, and registers
 * at-fork handlers. Linked into robust_early_library. */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER, settled = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;
int handlers_ran;

static void early_vault_open(void) { MUST(pthread_mutex_lock(&vault)); }
static void before(void) { MUST(pthread_mutex_lock(&settled)); handlers_ran++; }
static void after(void) { MUST(pthread_mutex_unlock(&settled)); handlers_ran++; }

static void *early_keeper(void *unused) {
    (void)unused;
    early_vault_open();
    gate_open(&held);
    idle_for_ever();
}

__attribute__((constructor)) static void early_constructor(void) {
    MUST(pthread_mutex_lock(&settled));
    MUST(pthread_mutex_unlock(&settled));
    MUST(pthread_atfork(before, after, after));
    gate_make(&held);
    start("early", early_keeper, NULL);
    gate_pass(&held);
}

int early_take(void) { return pthread_mutex_lock(&vault); }
