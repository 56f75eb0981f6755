/* Another thread holds a stream's lock at the fork: glibc frees the locks of all streams in the child.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
 */
#include "../program.h"

static FILE *stream;
static struct gate ready, never;

static void *writer(void *unused) {
    flockfile(stream);
    gate_open(&ready);
    gate_pass(&never);
    return unused;
}

int main(void) {
    gate_make(&ready);
    gate_make(&never);
    if (!(stream = fopen("/dev/null", "w"))) broken("fopen");
    start("writer", writer, NULL);
    gate_pass(&ready);
    pid_t child = fork();
    if (child == 0) {
        fprintf(stream, "a line of the child's\n");
        fflush(stream);
        _exit(FINE);
    }
    return verdict(child);
}
