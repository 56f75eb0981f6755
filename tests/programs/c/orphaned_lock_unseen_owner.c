/* H2: the other thread took the mutex through a pointer that it got from libc itself, so nothing saw it. The mutex keeps its
 * owner's thread id, and that thread is not in the child: at the fork only the thread can be reported, in the child the lock too.
 * An adaptive, a recursive and an error-checking mutex keep the id just as a plain one does.
 * expect: unsafe_fork WARN function=fork fork=main locks=0 threads=1
 * with: thread=keeper start=keeper created=main
 * expect: orphaned_lock FATAL call=pthread_mutex_lock in=ask_again blocking=true same_fork=yes
 * with: lock=mutex owner=keeper
 * suppress: unsafe_fork:keeper
 * suppress: orphaned_lock:ask_again
 * runs: {plain,recursive,errorcheck,adaptive}
 */
#include "../program.h"
#include <dlfcn.h>

static pthread_mutex_t vault;
static struct gate held;

static void *keeper(void *unused) {
    (void)unused;
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    int (*lock)(pthread_mutex_t *) = libc ? (int (*)(pthread_mutex_t *))dlsym(libc, "pthread_mutex_lock") : NULL;
    if (!lock) broken("dlsym");
    MUST(lock(&vault));
    gate_open(&held);
    idle_for_ever();
}

static void ask_again(void) { MUST(pthread_mutex_lock(&vault)); }

int main(int count, char **words) {
    const char *type = count > 1 ? words[1] : "plain";
    pthread_mutexattr_t attributes;
    MUST(pthread_mutexattr_init(&attributes));
    MUST(pthread_mutexattr_settype(&attributes, is(type, "recursive") ? PTHREAD_MUTEX_RECURSIVE
                                                : is(type, "errorcheck") ? PTHREAD_MUTEX_ERRORCHECK
                                                : is(type, "adaptive") ? PTHREAD_MUTEX_ADAPTIVE_NP : PTHREAD_MUTEX_NORMAL));
    MUST(pthread_mutex_init(&vault, &attributes));
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        ask_again();
        _exit(FINE);
    }
    return verdict(child);
}
