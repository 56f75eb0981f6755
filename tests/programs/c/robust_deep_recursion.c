/* A recursive mutex is taken 10,000 times down a deep recursion, then released as often.
 * expect: unsafe_fork ERROR fork=fork_at_the_bottom threads=1
 * with: lock=mutex owner=diver acquired=dive
 * expect: unsafe_fork WARN fork=fork_at_the_top locks=0 threads=1
 */
#include "../program.h"

static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct gate bottom, up, top;

static void dive(int depth) {
    MUST(pthread_mutex_lock(&mutex));
    if (depth > 1) {
        dive(depth - 1);
    } else {
        gate_open(&bottom);
        gate_pass(&up);
    }
    MUST(pthread_mutex_unlock(&mutex));
}

static void *diver(void *unused) {
    (void)unused;
    dive(10000);
    gate_open(&top);
    idle_for_ever();
}

static int fork_at_the_bottom(void) {
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}

static int fork_at_the_top(void) {
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}

int main(void) {
    gate_make(&bottom);
    gate_make(&up);
    gate_make(&top);
    start("diver", diver, NULL);
    gate_pass(&bottom);
    int first = fork_at_the_bottom();
    gate_open(&up);
    gate_pass(&top);
    return first | fork_at_the_top();
}
