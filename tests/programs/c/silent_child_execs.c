/* A hand-written fork and exec in a threaded process: the child only calls write, close, dup2, execve and _exit. Whoever
 * calls fork here is not known to exec, so a warning, and no more than that.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
 * allow: fork_outcome INFO
 */
#include "../program.h"

static struct gate ready;

static void *idler(void *unused) {
    (void)unused;
    gate_open(&ready);
    idle_for_ever();
}

int main(void) {
    gate_make(&ready);
    start("idler", idler, NULL);
    gate_pass(&ready);
    int null = open("/dev/null", O_WRONLY);
    pid_t child = fork();
    if (child == 0) {
        char *const words[] = {(char *)"true", NULL}, *const none[] = {NULL};
        if (write(null, "child\n", 6) != 6) _exit(BROKEN);
        dup2(null, STDERR_FILENO);
        close(null);
        execve("/bin/true", words, none);
        _exit(BROKEN);
    }
    return verdict(child);
}
