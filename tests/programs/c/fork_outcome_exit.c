/* The outcome of a reported fork is recorded, so that a report can call the fork safe: here its end.
 * expect: unsafe_fork WARN threads=1
 * expect: fork_outcome INFO outcome=exit same_fork=yes
 * suppress: unsafe_fork:main
 * bare: 0
 * runs: {exit,_exit,_Exit,quick_exit,syscall}
 */
#include "../program.h"

static struct gate up;

static void *worker(void *unused) {
    (void)unused;
    gate_open(&up);
    idle_for_ever();
}

static void end(const char *how) {
    if (is(how, "exit")) exit(FINE);
    if (is(how, "_exit")) _exit(FINE);
    if (is(how, "_Exit")) _Exit(FINE);
    if (is(how, "quick_exit")) quick_exit(FINE);
    syscall(SYS_exit_group, FINE);
}

int main(int count, char **words) {
    gate_make(&up);
    start("worker", worker, NULL);
    gate_pass(&up);
    pid_t child = fork();
    if (child == 0) end(count > 1 ? words[1] : "exit");
    return verdict(child);
}
