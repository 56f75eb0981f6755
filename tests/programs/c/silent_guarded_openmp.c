/* A child may use OpenMP where the parent has not, or has ended its threads.
 * flags: -fopenmp
 * expect: unsafe_fork WARN
 * allow: thread_after_fork
 * runs: {first,ended}
 */
#include "../program.h"
#include <omp.h>

static struct gate up;

static void *worker(void *unused) {
    (void)unused;
    gate_open(&up);
    idle_for_ever();
}

static int count(void) {
    int threads = 0;
#pragma omp parallel num_threads(3) reduction(+ : threads)
    threads++;
    return threads;
}

int main(int words_count, char **words) {
    gate_make(&up);
    if (words_count > 1 && is(words[1], "ended")) {
        count();
        MUST(omp_pause_resource_all(omp_pause_hard));
    }
    start("worker", worker, NULL);
    gate_pass(&up);
    pid_t child = fork();
    if (child == 0) _exit(count() > 0 ? FINE : BROKEN);
    /* OpenMP's threads wait for each other for a moment: only the child's end counts. */
    int status;
    MUST(waitpid(child, &status, 0) != child);
    return status == 0 ? FINE : BROKEN;
}
