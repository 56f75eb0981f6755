/* A server that logs with a time, and forks a worker for each job; the worker logs, too. docs/AUDIT.md follows it.
 *
 *     cc -g -pthread -o logger logger.c
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void log_line(const char *what) {
    char *line = malloc(100);
    time_t now = time(NULL);
    struct tm day;
    localtime_r(&now, &day);
    int length = snprintf(line, 100, "%02d:%02d %s\n", day.tm_hour, day.tm_min, what);
    if (length > 0 && write(STDOUT_FILENO, line, (size_t)length) < 0) _exit(1);
    free(line);
}

/* Writes the time of each request, of which there are many. */
static void *requests(void *unused) {
    for (;;) {
        time_t now = time(NULL);
        struct tm day;
        localtime_r(&now, &day);
    }
    return unused;
}

static void job(int number) {
    (void)number;
    log_line("worker");
    _exit(0);
}

int main(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, requests, NULL) != 0) return 1;
    for (int number = 0; number < 10; number++) {
        pid_t child = fork();
        if (child == 0) job(number);
        waitpid(child, NULL, 0);
    }
    log_line("all jobs are done");
    return 0;
}
