/* A semaphore that the forking thread took before the fork. In the child a signal handler posts it: the wait ends.
 * expect: silent
 */
#include <sys/time.h>
#include "../program.h"

static sem_t turn;

static void post(int number) {
    (void)number;
    sem_post(&turn);
}

int main(void) {
    MUST(sem_init(&turn, 0, 1));
    MUST(sem_wait(&turn));
    signal(SIGALRM, post);
    pid_t child = fork();
    if (child == 0) {
        struct itimerval soon = {{0, 0}, {0, 20000}};
        MUST(setitimer(ITIMER_REAL, &soon, NULL));
        while (sem_wait(&turn) != 0) {}
        _exit(FINE);
    }
    /* The child waits for a while: nobody may take it for stuck. */
    int status;
    if (waitpid(child, &status, 0) != child) broken("waitpid");
    return status == 0 ? FINE : BROKEN;
}
