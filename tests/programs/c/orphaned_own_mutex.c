/* H14: a mutex that remembers its owner's id is held by the forking thread itself. In the child that thread has another id: it
 * can neither release the mutex nor take it again. No other thread is needed for it.
 * expect: orphaned_lock FATAL call=pthread_mutex_unlock lock=mutex owner=orphaned_own_mu acquired=vault_open in=vault_close
 * suppress: orphaned_lock:vault_close
 * runs: {recursive,errorcheck}
 */
#include "../program.h"

static pthread_mutex_t vault;

static void vault_open(void) { MUST(pthread_mutex_lock(&vault)); }

static int vault_close(void) { return pthread_mutex_unlock(&vault); }

int main(int count, char **words) {
    pthread_mutexattr_t attributes;
    MUST(pthread_mutexattr_init(&attributes));
    int recursive = count < 2 || is(words[1], "recursive");
    MUST(pthread_mutexattr_settype(&attributes, recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_ERRORCHECK));
    MUST(pthread_mutex_init(&vault, &attributes));
    vault_open();
    pid_t child = fork();
    if (child == 0) {
        if (vault_close() != EPERM) _exit(BROKEN);
        vault_open();
        _exit(FINE);
    }
    return verdict(child);
}
