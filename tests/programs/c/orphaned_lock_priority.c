/* H2: a mutex that inherits priority. The kernel finds that its owner is a thread of another process, and libc aborts the child.
 * expect: unsafe_fork ERROR locks=1 threads=1
 * expect: orphaned_lock FATAL call=pthread_mutex_lock owner=keeper acquired=vault_open blocking=false same_fork=yes
 * suppress: unsafe_fork:*
 * suppress: orphaned_lock:*
 * bare: 0
 */
#include "../program.h"
#include <sys/resource.h>

static pthread_mutex_t vault;
static struct gate held;

static void vault_open(void) { MUST(pthread_mutex_lock(&vault)); }

static void *keeper(void *unused) {
    (void)unused;
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

int main(void) {
    pthread_mutexattr_t attributes;
    MUST(pthread_mutexattr_init(&attributes));
    MUST(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT));
    MUST(pthread_mutex_init(&vault, &attributes));
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        pthread_mutex_lock(&vault);
        _exit(FINE);
    }
    int status;
    if (waitpid(child, &status, 0) != child) broken("waitpid");
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? FINE : BROKEN;
}
