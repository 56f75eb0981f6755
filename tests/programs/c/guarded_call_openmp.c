/* H5: the parent has run a parallel region of GNU's OpenMP, whose threads stay; the child runs another, and waits for them.
 * flags: -fopenmp
 * expect: unsafe_fork WARN
 * expect: guarded_call WARN call=GOMP_parallel in=count library=*libgomp.so.1 same_fork=yes
 * allow: stuck_child
 * allow: orphaned_lock
 * suppress: *:*
 */
#include "../program.h"

static int count(void) {
    int threads = 0;
#pragma omp parallel num_threads(3) reduction(+ : threads)
    threads++;
    return threads;
}

int main(void) {
    if (count() < 2) return say("skipped: OpenMP starts no threads here"), SKIPPED;
    pid_t child = fork();
    if (child == 0) _exit(count() > 0 ? FINE : BROKEN);
    return verdict(child);
}
