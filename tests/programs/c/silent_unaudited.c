/* The child of a process without an audit calls what is not async-signal-safe, as most do.
 * expect: unsafe_fork WARN threads=1
 */
#include "../program.h"

static struct gate up;

static void *worker(void *unused) {
    (void)unused;
    gate_open(&up);
    idle_for_ever();
}

int main(void) {
    gate_make(&up);
    start("worker", worker, NULL);
    gate_pass(&up);
    pid_t child = fork();
    if (child == 0) {
        char *line = malloc(10);
        snprintf(line, 10, "x");
        free(line);
        _exit(FINE);
    }
    return verdict(child);
}
