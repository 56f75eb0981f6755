/* A library that ends its threads in its prepare handler and restarts them in the parent, as OpenBLAS does: at the copy
 * the forking thread is the only one.
 * expect: silent
 */
#include "../program.h"

static struct gate stop;
static pthread_t thread;

static void *worker(void *unused) {
    gate_pass(&stop);
    return unused;
}

static void before(void) {
    gate_open(&stop);
    MUST(pthread_join(thread, NULL));
}

static void in_parent(void) { thread = start("worker", worker, NULL); }

int main(void) {
    int worst = FINE;
    gate_make(&stop);
    MUST(pthread_atfork(before, in_parent, NULL));
    thread = start("worker", worker, NULL);
    for (int round = 0; round < 50; round++) {
        pid_t child = fork();
        if (child == 0) _exit(FINE);
        worst |= verdict(child);
    }
    return worst;
}
