/* A library with the name of Java's, whose thread ends as its own does: with a lock that nobody needs any more. */
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;

static void *vm_thread(void *unused) {
    pthread_mutex_lock(&threads_lock);
    return unused;
}

void destroy_vm(void);

void destroy_vm(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, vm_thread, NULL) == 0) pthread_join(thread, NULL);
}
