/* H3: a library that starts its thread in its prepare handler, and ends it in the parent: at the copy the forking thread is
 * not alone, though it was when it called `fork`.
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
 * with: thread=worker start=worker created=before
 */
#include "../program.h"

static struct gate ready, stop;
static pthread_t thread;

static void *worker(void *unused) {
    gate_open(&ready);
    gate_pass(&stop);
    return unused;
}

static void before(void) {
    thread = start("worker", worker, NULL);
    gate_pass(&ready);
}

static void in_parent(void) {
    gate_open(&stop);
    MUST(pthread_join(thread, NULL));
}

int main(void) {
    int worst = FINE;
    gate_make(&ready);
    gate_make(&stop);
    MUST(pthread_atfork(before, in_parent, NULL));
    for (int round = 0; round < 20; round++) {
        pid_t child = fork();
        if (child == 0) _exit(FINE);
        worst |= verdict(child);
    }
    return worst;
}
