/* The child tries to become a program that is not there, and ends: that is what became of it, not the exec that failed.
 * bare: 0
 * expect: unsafe_fork WARN function=fork fork=main locks=0 threads=1
 * expect: fork_outcome INFO outcome=exit same_fork=yes
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
    pid_t child = fork();
    if (child == 0) {
        char *const words[] = {(char *)"nothing", NULL};
        execv("/nowhere/nothing", words);
        _exit(errno == ENOENT ? FINE : BROKEN);
    }
    return verdict(child);
}
