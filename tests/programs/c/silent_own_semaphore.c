/* A semaphore that the forking thread took before the fork. In the child a signal handler posts it: the wait ends, after a first
 * signal has only interrupted it.
 * expect: silent
 */
#include <sys/time.h>
#include "../program.h"

static sem_t turn;
static volatile int signals;

static void post(int number) {
    (void)number;
    if (++signals == 2) sem_post(&turn);
}

int main(void) {
    struct sigaction interrupts = {.sa_handler = post};
    MUST(sem_init(&turn, 0, 1));
    MUST(sem_wait(&turn));
    MUST(sigaction(SIGALRM, &interrupts, NULL));
    pid_t child = fork();
    if (child == 0) {
        struct itimerval twice = {{0, 20000}, {0, 20000}};
        int waits = 1;
        MUST(setitimer(ITIMER_REAL, &twice, NULL));
        while (sem_wait(&turn) != 0) waits++;
        /* The signal that posts it may interrupt the wait as well. */
        _exit(waits >= 2 ? FINE : BROKEN);
    }
    /* The child waits for a while: nobody may take it for stuck. */
    int status;
    if (waitpid(child, &status, 0) != child) broken("waitpid");
    return status == 0 ? FINE : BROKEN;
}
