/* A process that never had a second thread forks, and its child waits for ever; that is no business of a fork watcher: no
 * thread was lost. The parent ends it by a signal, which the child's handler takes.
 * expect: silent
 * runs: {condition,semaphore,futex,pause}
 */
#include "../program.h"
#include <linux/futex.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static int word;
static struct gate ready;

static void on_signal(int number) {
    (void)number;
    _exit(FINE);
}

static void wait_for_ever(const char *how) {
    gate_open(&ready);
    if (is(how, "semaphore")) sem_wait(&semaphore);
    if (is(how, "futex")) syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL);
    if (is(how, "condition")) {
        MUST(pthread_mutex_lock(&mutex));
        pthread_cond_wait(&condition, &mutex);
    }
    pause();
}

int main(int count, char **words) {
    const char *how = count > 1 ? words[1] : "condition";
    char task[32];
    int status;
    struct sigaction action = {.sa_handler = on_signal};
    MUST(sigaction(SIGTERM, &action, NULL));
    MUST(sem_init(&semaphore, 0, 0));
    gate_make(&ready);
    pid_t child = fork();
    if (child == 0) wait_for_ever(how);
    gate_pass(&ready);
    snprintf(task, sizeof task, "%d", (int)child);
    while (!is(how, "pause") && !waits_for_ever(task)) pause_milliseconds(1);
    kill(child, SIGTERM);
    if (waitpid(child, &status, 0) != child || status != 0) broken("child");
    say("the child waited, and was told to stop");
    return FINE;
}
