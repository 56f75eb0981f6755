/* Another thread is inside `pthread_once` at the fork: glibc lets the child run it again.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
 */
#include "../program.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct gate ready, never;
static int in_child;

static void initialise(void) {
    if (in_child) return;
    gate_open(&ready);
    gate_pass(&never);
}

static void *initialiser(void *unused) {
    pthread_once(&once, initialise);
    return unused;
}

int main(void) {
    gate_make(&ready);
    gate_make(&never);
    start("initialiser", initialiser, NULL);
    gate_pass(&ready);
    pid_t child = fork();
    if (child == 0) {
        in_child = 1;
        pthread_once(&once, initialise);
        _exit(FINE);
    }
    return verdict(child);
}
