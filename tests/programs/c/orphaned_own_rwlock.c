/* H14: the thread that forks holds a read-write lock for writing. The child's unlock has no effect, because the lock knows its
 * writer by thread id, and the next lock hangs.
 * runs: {unlock,keep} {write,read}
 * expect: orphaned_lock FATAL in=main lock=rwlock_write owner=orphaned_own_rw acquired=open_vault
 * suppress: orphaned_lock:*
 */
#include "../program.h"

static pthread_rwlock_t vault = PTHREAD_RWLOCK_INITIALIZER;

__attribute__((noinline)) static void open_vault(void) {
    MUST(pthread_rwlock_wrlock(&vault));
    __asm__ volatile("");
}

int main(int argc, char **argv) {
    open_vault();
    pid_t child = fork();
    if (child == 0) {
        if (argc > 1 && is(argv[1], "unlock")) MUST(pthread_rwlock_unlock(&vault));
        if (argc > 2 && is(argv[2], "read")) pthread_rwlock_rdlock(&vault);
        else pthread_rwlock_wrlock(&vault);
        _exit(FINE);
    }
    return verdict(child);
}
