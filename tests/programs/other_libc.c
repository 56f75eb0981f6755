/* Uses much of what the library follows, and says what came of it. Built with another libc than glibc, it must do the same under the
 * library as without. With the argument `starts`, it also runs the programs that the next one names, with `;` between them.
 */
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { THREADS = 4, TURNS = 1000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t semaphore;
static int turns, prepared;

static void *worker(void *number) {
    for (int turn = 0; turn < TURNS; turn++) {
        pthread_mutex_lock(&mutex);
        turns++;
        pthread_cond_signal(&condition);
        pthread_mutex_unlock(&mutex);
        pthread_rwlock_rdlock(&rwlock);
        pthread_rwlock_unlock(&rwlock);
        sem_post(&semaphore);
    }
    return number;
}

static void prepare(void) { prepared++; }
static void end(void) { puts("at exit"); }

int main(int count, char **words) {
    if (count > 2 && !strcmp(words[1], "starts")) {
        for (char *name = strtok(words[2], "; "); name; name = strtok(NULL, "; ")) {
            pid_t started;
            posix_spawn(&started, name, NULL, NULL, (char *[]){name, NULL}, environ);
            waitpid(started, NULL, 0);
        }
    }
    sem_init(&semaphore, 0, 0);
    pthread_atfork(prepare, NULL, NULL);
    atexit(end);
    pthread_t threads[THREADS];
    for (long number = 0; number < THREADS; number++) {
        pthread_create(&threads[number], NULL, worker, (void *)number);
    }
    pthread_mutex_lock(&mutex);
    while (turns < THREADS * TURNS) {
        pthread_cond_wait(&condition, &mutex);
    }
    pthread_mutex_unlock(&mutex);
    long sum = 0;
    for (int number = 0; number < THREADS; number++) {
        void *result;
        pthread_join(threads[number], &result);
        sum += (long)result;
    }
    for (int posts = 0; posts < THREADS * TURNS; posts++) {
        sem_wait(&semaphore);
    }
    struct tm parts;
    time_t start = 0;
    localtime_r(&start, &parts);
    setenv("WHERE", "here", 1);
    struct passwd *root = getpwuid(0);
    openlog("other_libc", 0, 0);
    struct addrinfo *addresses = NULL;
    int resolved = getaddrinfo("127.0.0.1", "80", NULL, &addresses);
    pid_t child = fork();
    if (child == 0) {
        _exit(3);
    }
    int status;
    waitpid(child, &status, 0);
    pid_t spawned;
    posix_spawn(&spawned, "/bin/true", NULL, NULL, (char *[]){"true", NULL}, environ);
    int spawned_status;
    waitpid(spawned, &spawned_status, 0);
    char line[32] = "";
    FILE *pipe = popen("echo a line", "r");
    char *read = fgets(line, sizeof line, pipe);
    int closed = pclose(pipe);
    printf("sum %ld, year %d, %s, root %d, resolved %d, child %d, prepared %d, spawned %d, read %d: %s, closed %d, call %d\n", sum,
           parts.tm_year, getenv("WHERE"), root != NULL, resolved, WEXITSTATUS(status), prepared, spawned_status, read != NULL,
           strtok(line, "\n"), closed, syscall(SYS_getpid) == getpid());
    exit(7);
}
