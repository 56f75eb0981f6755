/* H1, H2: nothing is mounted at `/proc`, as in a changed root. Who lives is then known from the library's own records, and the
 * modules from the loader's list. The names of other threads are not known.
 * expect: unsafe_fork ERROR function=fork fork=main locks=1 threads=1
 * with: lock=mutex acquired=vault_open
 * with: start=keeper created=main
 * expect: orphaned_lock FATAL call=pthread_mutex_lock lock=mutex acquired=vault_open in=main blocking=true same_fork=yes
 * suppress: unsafe_fork:vault_open
 * suppress: orphaned_lock:*
 */
#include "../program.h"
#include <sched.h>
#include <sys/mount.h>

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void vault_open(void) { MUST(pthread_mutex_lock(&vault)); }

static void *keeper(void *unused) {
    (void)unused;
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

static void hide_proc(void) {
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", "/proc", "tmpfs", MS_RDONLY, NULL)) {
        say("skipped: only root may hide /proc");
        exit(SKIPPED);
    }
}

int main(void) {
    int status;
    hide_proc();
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        /* Nothing else can show here that it hangs. */
        alarm(1);
        pthread_mutex_lock(&vault);
        _exit(FINE);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) broken("fork");
    say("child: %s", WIFSIGNALED(status) ? "stuck" : "fine");
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? REALISED : BROKEN;
}
