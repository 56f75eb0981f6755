/* H2: the lock was taken past every hook, through libc's own address of the function. Nothing is known of it at the fork; in the
 * child, the owner's id in it is that of no thread there.
 * expect: unsafe_fork WARN threads=1 locks=0
 * expect: orphaned_lock FATAL call=pthread_mutex_lock lock=mutex owner=keeper in=main blocking=true same_fork=yes
 * suppress: unsafe_fork:main
 * suppress: orphaned_lock:keeper
 */
#include "../program.h"
#include <dlfcn.h>

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void *keeper(void *unused) {
    (void)unused;
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    int (*lock)(pthread_mutex_t *);
    *(void **)&lock = libc ? dlsym(libc, "pthread_mutex_lock") : NULL;
    if (!lock) broken("dlsym");
    MUST(lock(&vault));
    gate_open(&held);
    idle_for_ever();
}

int main(void) {
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(&vault);
        _exit(FINE);
    }
    return verdict(child);
}
