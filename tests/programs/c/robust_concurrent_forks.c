/* Eight threads fork at the same time, 25 times each. Every fork is watched or let through; none hangs.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=forker locks=0
 * count: any
 * suppress: unsafe_fork:*
 */
#include "../program.h"

enum { FORKERS = 8 };
static struct gate ready;
static pthread_barrier_t together;

static void *forker(void *unused) {
    for (int round = 0; round < 25; round++) {
        int status;
        pthread_barrier_wait(&together);
        pid_t child = fork();
        if (child == 0) _exit(FINE);
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
    }
    gate_open(&ready);
    return unused;
}

int main(void) {
    gate_make(&ready);
    MUST(pthread_barrier_init(&together, NULL, FORKERS));
    for (int number = 0; number < FORKERS; number++) start("forker", forker, NULL);
    for (int number = 0; number < FORKERS; number++) gate_pass(&ready);
    say("200 children: fine");
    return FINE;
}
