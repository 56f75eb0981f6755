/* H1, H2: every call that copies the process is seen, whatever its name, and named in the record.
 * expect: unsafe_fork ERROR function=$2 fork=main locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=vault_open
 * with: thread=keeper start=keeper created=main
 * expect: orphaned_lock FATAL call=pthread_mutex_lock lock=mutex owner=keeper acquired=vault_open in=child_runs blocking=true same_fork=yes
 * runs: fork fork
 * runs: __fork __fork
 * runs: _Fork _Fork
 * runs: clone clone
 * runs: syscall_fork syscall
 * runs: syscall_clone syscall
 * runs: syscall_clone3 syscall
 * runs: forkpty forkpty
 * runs: daemon daemon
 */
#include "../program.h"
#include <dlfcn.h>
#include <linux/sched.h>
#include <pty.h>
#include <sched.h>
#include <sys/prctl.h>

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held, told;
static char stack[64 * 1024] __attribute__((aligned(16)));

static void vault_open(void) { MUST(pthread_mutex_lock(&vault)); }

static void *keeper(void *unused) {
    (void)unused;
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

/* The child's side, whichever way it came to be. Nobody is left to kill it if its session is its own. */
static int child_runs(void *unused) {
    (void)unused;
    alarm(20);
    pthread_mutex_lock(&vault);
    _exit(FINE);
}

static pid_t named(const char *name) {
    pid_t (*function)(void) = (pid_t (*)(void))dlsym(RTLD_DEFAULT, name);
    if (!function) {
        say("skipped: this libc has no %s", name);
        _exit(SKIPPED);
    }
    return function();
}

/* `daemon` ends the parent, so a process in between is that parent, and the daemon's id comes through a pipe. */
static pid_t through_daemon(void) {
    pid_t id;
    if (daemon(1, 1) != 0) broken("daemon");
    id = getpid();
    if (write(told.ends[1], &id, sizeof id) != sizeof id) broken("write");
    return child_runs(NULL);
}

int main(int count, char **words) {
    const char *way = count > 1 ? words[1] : "fork";
    pid_t child = 0;
    int terminal;
    gate_make(&held);
    gate_make(&told);
    if (is(way, "daemon")) {
        MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
        if ((child = fork()) > 0) {
            int status;
            if (waitpid(child, &status, 0) != child || status != 0) broken("the parent of the daemon");
            if (read(told.ends[0], &child, sizeof child) != sizeof child) broken("read");
            return verdict(child);
        }
    }
    start("keeper", keeper, NULL);
    gate_pass(&held);
    if (is(way, "daemon")) child = through_daemon();
    if (is(way, "fork")) child = fork();
    if (is(way, "__fork") || is(way, "_Fork")) child = named(way);
    if (is(way, "clone")) child = clone(child_runs, stack + sizeof stack, SIGCHLD, NULL);
    if (is(way, "syscall_clone")) child = (pid_t)syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
    if (is(way, "syscall_clone3")) {
        struct clone_args arguments = {.exit_signal = SIGCHLD};
        child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    }
    if (is(way, "syscall_fork")) child = SYSCALL_FORK();
    if (is(way, "forkpty")) child = forkpty(&terminal, NULL, NULL, NULL);
    if (child == 0) child_runs(NULL);
    return verdict(child);
}
