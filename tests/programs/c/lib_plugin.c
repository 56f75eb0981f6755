/* A plugin that takes and releases a lock of its own data. Loaded and unloaded all the time by robust_unloaded_library. */
#include "../program.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t semaphore;

int plugin_work(void);

int plugin_work(void) {
    MUST(sem_init(&semaphore, 0, 1));
    MUST(sem_wait(&semaphore));
    MUST(pthread_mutex_lock(&mutex));
    MUST(pthread_mutex_unlock(&mutex));
    MUST(sem_post(&semaphore));
    return 0;
}
