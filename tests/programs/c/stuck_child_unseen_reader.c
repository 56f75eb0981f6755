/* H13: a read-write lock that a thread of the parent took unseen, through a pointer that it got from libc itself. A lock
 * that is taken for reading does not keep who has it: the child needs it, cannot have it, and nobody else is there.
 * expect: unsafe_fork function=fork fork=main threads=1
 * expect: stuck_child FATAL call=pthread_rwlock_wrlock object=rwlock in=ask same_fork=yes
 * suppress: unsafe_fork:keeper
 * suppress: stuck_child:ask
 */
#include "../program.h"
#include <dlfcn.h>

static pthread_rwlock_t vault = PTHREAD_RWLOCK_INITIALIZER;
static struct gate held;

static void *keeper(void *unused) {
    (void)unused;
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    int (*lock)(pthread_rwlock_t *) = libc ? (int (*)(pthread_rwlock_t *))dlsym(libc, "pthread_rwlock_rdlock") : NULL;
    if (!lock) broken("dlsym");
    MUST(lock(&vault));
    gate_open(&held);
    idle_for_ever();
}

static void ask(void) { MUST(pthread_rwlock_wrlock(&vault)); }

int main(void) {
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        ask();
        _exit(FINE);
    }
    return verdict(child);
}
