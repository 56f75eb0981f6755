/* What may be done with a library that does not work after fork: exec, end at once, make it anew, use it first in the child.
 * library: libcuda.c
 * expect: unsafe_fork WARN
 * allow: thread_after_fork WARN
 * runs: {exec,end,anew,first,handlers}
 */
#include "../program.h"
#include "libcuda.h"

static struct gate up;
static const char *mode = "end";

static void *worker(void *unused) {
    (void)unused;
    gate_open(&up);
    idle_for_ever();
}

static void handler(void) {
    if (is(mode, "handlers") && cuInit(0) != 3) _exit(BROKEN);
}

int main(int count, char **words) {
    if (count > 1) mode = words[1];
    gate_make(&up);
    MUST(pthread_atfork(NULL, NULL, handler));
    if (!is(mode, "first")) MUST(cuInit(0));
    start("worker", worker, NULL);
    gate_pass(&up);
    pid_t child = fork();
    if (child == 0) {
        if (is(mode, "exec")) execl("/bin/true", "true", NULL);
        if (is(mode, "anew")) MUST(cu_reinit() || cuInit(0));
        if (is(mode, "first")) MUST(cuInit(0));
        _exit(FINE);
    }
    return verdict(child);
}
