/* Lock calls that take their time before they reach libc, in a thread that asks for it: what no other thread can see for nanoseconds, it sees
 * for longer. It keeps the processor meanwhile, as libc does. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <dlfcn.h>
#include <pthread.h>
#include <time.h>

enum { BEFORE_LOCK = 300, BEFORE_UNLOCK = 2000 };

static __thread int is_slow;

void slow_locks(void) { is_slow = 1; }

static void run_for(long microseconds) {
    struct timespec now;
    if (!is_slow) return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long end = now.tv_sec * 1000000 + now.tv_nsec / 1000 + microseconds;
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while (now.tv_sec * 1000000 + now.tv_nsec / 1000 < end);
}

int pthread_mutex_lock(pthread_mutex_t *mutex) {
    static int (*real)(pthread_mutex_t *);
    if (real == NULL) real = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_lock");
    run_for(BEFORE_LOCK);
    return real(mutex);
}

int pthread_mutex_unlock(pthread_mutex_t *mutex) {
    static int (*real)(pthread_mutex_t *);
    if (real == NULL) real = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_unlock");
    run_for(BEFORE_UNLOCK);
    return real(mutex);
}
