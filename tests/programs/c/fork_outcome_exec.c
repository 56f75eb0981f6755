/* The outcome of a reported fork is recorded, so that a report can call the fork safe: here another program.
 * expect: unsafe_fork WARN threads=1
 * expect: fork_outcome INFO outcome=exec program=*true same_fork=yes
 * suppress: unsafe_fork:main
 * bare: 0
 * runs: {execv,execve,execvp,execvpe,execl,execlp,execle,fexecve,execveat,syscall,after_failures}
 */
#include "../program.h"

static struct gate up;

static void *worker(void *unused) {
    (void)unused;
    gate_open(&up);
    idle_for_ever();
}

static void become(const char *how) {
    static char name[] = "true";
    char *words[] = {name, NULL};
    extern char **environ;
    const char *path = access("/usr/bin/true", X_OK) == 0 ? "/usr/bin/true" : "/bin/true";
    if (is(how, "execv")) execv(path, words);
    if (is(how, "execve")) execve(path, words, environ);
    if (is(how, "execvp")) execvp("true", words);
    if (is(how, "execvpe")) execvpe("true", words, environ);
    if (is(how, "execl")) execl(path, "true", "one", "two", "three", "four", "five", "six", (char *)NULL);
    if (is(how, "execlp")) execlp("true", "true", (char *)NULL);
    if (is(how, "execle")) execle(path, "true", (char *)NULL, environ);
    if (is(how, "fexecve")) fexecve(open(path, O_RDONLY | O_CLOEXEC), words, environ);
    if (is(how, "execveat")) execveat(AT_FDCWD, path, words, environ, 0);
    if (is(how, "syscall")) syscall(SYS_execve, path, words, environ);
    if (is(how, "after_failures")) {
        execv("/nowhere/true", words);
        execv("/proc/self/maps", words);
        execv("/usr/share", words);
        execlp("true", "true", (char *)NULL);
    }
    _exit(BROKEN);
}

int main(int count, char **words) {
    gate_make(&up);
    start("worker", worker, NULL);
    gate_pass(&up);
    pid_t child = fork();
    if (child == 0) become(count > 1 ? words[1] : "execv");
    return verdict(child);
}
