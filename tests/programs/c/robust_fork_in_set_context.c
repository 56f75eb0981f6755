/* A signal handler forks while its thread sets the context: no such fork waits for a lock that its own thread holds.
 * expect: at-most WARN
 * suppress: unsafe_fork:*
 */
#include "../program.h"
#include <sys/time.h>

enum { FORKS = 20, MOST_MILLISECONDS = 1000 };

__attribute__((weak)) void forkwatch_set_context(const char *context);

static struct gate ready;
static volatile sig_atomic_t forks;
static volatile long slowest;

static long milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void *idler(void *unused) {
    gate_open(&ready);
    idle_for_ever();
    return unused;
}

static void fork_here(int number) {
    (void)number;
    int status, error = errno;
    long before = milliseconds();
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    long took = milliseconds() - before;
    if (took > slowest) slowest = took;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
    forks++;
    errno = error;
}

int main(void) {
    gate_make(&ready);
    start("idler", idler, NULL);
    gate_pass(&ready);
    struct sigaction action = {.sa_handler = fork_here, .sa_flags = SA_RESTART};
    MUST(sigaction(SIGALRM, &action, NULL));
    struct itimerval often = {{0, 3000}, {0, 3000}}, never = {{0, 0}, {0, 0}};
    MUST(setitimer(ITIMER_REAL, &often, NULL));
    while (forks < FORKS)
        if (forkwatch_set_context) forkwatch_set_context("a test");
    MUST(setitimer(ITIMER_REAL, &never, NULL));
    /* Libc's own fork and a busy machine take their time, too, but no second. */
    say(slowest < MOST_MILLISECONDS ? "no fork waited" : "a fork took %ld ms", slowest);
    return slowest < MOST_MILLISECONDS ? FINE : BROKEN;
}
