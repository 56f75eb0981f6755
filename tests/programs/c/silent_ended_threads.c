/* A fork after every other thread was joined, or ended detached. A joined thread may linger in /proc for a short time, so this
 * is tried 200 times.
 * expect: silent
 * runs: {joined,detached}
 */
#include "../program.h"
#include <dirent.h>

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;

static void *worker(void *times) {
    MUST(pthread_mutex_lock(&vault));
    ++*(int *)times;
    MUST(pthread_mutex_unlock(&vault));
    return times;
}

/* How many tasks the kernel still lists. */
static int tasks(void) {
    int count = -2; /* . and .. */
    DIR *folder = opendir("/proc/self/task");
    if (!folder) broken("opendir");
    while (readdir(folder)) count++;
    closedir(folder);
    return count;
}

int main(int count, char **words) {
    int detached = count > 1 && is(words[1], "detached");
    for (int round = 0; round < 200; round++) {
        int status, times = 0;
        void *result = NULL;
        pthread_t thread;
        MUST(pthread_create(&thread, NULL, worker, &times));
        if (detached) {
            MUST(pthread_detach(thread));
            while (tasks() > 1) sched_yield();
        } else {
            MUST(pthread_join(thread, &result));
            if (result != &times) broken("a result");
        }
        if (times != 1) broken("a thread's work");
        pid_t child = fork();
        if (child == 0) {
            MUST(pthread_mutex_lock(&vault));
            _exit(FINE);
        }
        if (waitpid(child, &status, 0) != child || status != 0) broken("child");
    }
    say("200 children: fine");
    return FINE;
}
