/* A library that creates threads, locks and forks, for `robust_loaded_elsewhere` to load. */
#include "../program.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *successor(void *argument) {
    MUST(pthread_mutex_lock(&mutex));
    MUST(pthread_mutex_unlock(&mutex));
    return (char *)argument + 1;
}

long fork_often(long rounds);
long fork_often(long rounds) {
    for (long round = 0; round < rounds; round++) {
        pthread_t thread;
        void *result;
        int status;
        MUST(pthread_create(&thread, NULL, successor, (void *)round));
        MUST(pthread_join(thread, &result));
        if ((long)result != round + 1) broken("the thread ran another routine, or with another argument");
        MUST(pthread_mutex_lock(&mutex));
        pid_t child = fork();
        if (child == 0) _exit(pthread_mutex_unlock(&mutex));
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
        MUST(pthread_mutex_unlock(&mutex));
    }
    return rounds;
}
