/* H2: a thread takes a mutex again and again, and the fork copies a page in the middle of that: the copy is locked, but nothing in the
 * thread's record says so, and without an owner (no_owner) not even the mutex does. What the thread took before says who it was. The
 * thread gets the lock through a pointer from libc itself or, for no_owner, the child writes what such a copy looks like.
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
 * expect: orphaned_lock FATAL in=withdraw blocking=true same_fork=yes
 * with: lock=mutex owner=keeper acquired=deposit
 * suppress: unsafe_fork:keeper
 * suppress: orphaned_lock:withdraw
 * runs: {owner,no_owner}
 */
#include "../program.h"
#include <dlfcn.h>

static const char *copy;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct gate ready;

static void deposit(void) { MUST(pthread_mutex_lock(&mutex)); }

static void withdraw(void) { MUST(pthread_mutex_lock(&mutex)); }

static void *keeper(void *unused) {
    (void)unused;
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    int (*lock)(pthread_mutex_t *) = libc ? (int (*)(pthread_mutex_t *))dlsym(libc, "pthread_mutex_lock") : NULL;
    if (!lock) broken("dlsym");
    for (int times = 0; times < 5; times++) {
        deposit();
        MUST(pthread_mutex_unlock(&mutex));
        pause_milliseconds(1);
    }
    if (is(copy, "owner")) MUST(lock(&mutex));
    gate_open(&ready);
    idle_for_ever();
}

int main(int count, char **words) {
    copy = count > 1 ? words[1] : "no_owner";
    gate_make(&ready);
    start("keeper", keeper, NULL);
    gate_pass(&ready);
    pid_t child = fork();
    if (child == 0) {
        if (is(copy, "no_owner")) mutex.__data.__lock = 1;
        withdraw();
        _exit(FINE);
    }
    return verdict(child);
}
