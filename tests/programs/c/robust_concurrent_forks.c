/* Eight threads fork at the same time, 25 times each. Every fork is watched or let through; none hangs, and each child ends with
 * the status that its own parent expects of it.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=forker locks=0
 * count: any
 * suppress: unsafe_fork:*
 */
#include "../program.h"

enum { FORKERS = 8 };
static pthread_barrier_t together;

static void *forker(void *number) {
    for (int round = 0; round < 25; round++) {
        int status, own = (int)(long)number * 25 + round + 1;
        pthread_barrier_wait(&together);
        pid_t child = fork();
        if (child == 0) _exit(own);
        if (child < 0 || waitpid(child, &status, 0) != child || status != own << 8) broken("child");
    }
    return number;
}

int main(void) {
    pthread_t forkers[FORKERS];
    MUST(pthread_barrier_init(&together, NULL, FORKERS));
    for (long number = 0; number < FORKERS; number++) forkers[number] = start("forker", forker, (void *)number);
    for (long number = 0; number < FORKERS; number++) {
        void *result;
        MUST(pthread_join(forkers[number], &result));
        if (result != (void *)number) broken("a result");
    }
    say("200 children: fine");
    return FINE;
}
