/* H1: a linked library's constructor, which runs before ours, has started a thread that holds a lock. It is seen, with both
 * places, and the library's handlers run as without us.
 * bare: 3
 * library: lib_early.c
 * expect: unsafe_fork ERROR fork=main locks=1 threads=1
 * with: lock=mutex owner=early acquired=early_vault_open
 * with: thread=early start=early_keeper created=early_constructor
 * expect: orphaned_lock FATAL call=pthread_mutex_lock lock=mutex owner=early acquired=early_vault_open in=early_take same_fork=yes
 * suppress: unsafe_fork:early_vault_open
 * suppress: orphaned_lock:*
 */
#include "../program.h"

extern int handlers_ran;
int early_take(void);

int main(void) {
    pid_t child = fork();
    if (child == 0) {
        early_take();
        _exit(FINE);
    }
    say("handlers ran %d times", handlers_ran);
    return verdict(child);
}
