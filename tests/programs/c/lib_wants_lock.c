/* A plugin whose constructor waits for the mutex, and first opens the gate, whose addresses the environment gives. Loaded by
 * robust_loader_busy. */
#include "../program.h"

__attribute__((constructor)) static void wants_lock(void) {
    struct gate *inside;
    pthread_mutex_t *mutex;
    const char *addresses = getenv("WANTS_LOCK");
    if (!addresses || sscanf(addresses, "%p %p", (void **)&inside, (void **)&mutex) != 2) broken("WANTS_LOCK");
    gate_open(inside);
    MUST(pthread_mutex_lock(mutex));
    MUST(pthread_mutex_unlock(mutex));
}
