/* H1, H2: a C11 mutex is held by a C11 thread at the fork. The child waits for it for ever.
 * expect: unsafe_fork ERROR function=fork fork=main locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=vault_open
 * with: thread=keeper start=keeper created=main
 * expect: orphaned_lock FATAL call=mtx_lock lock=mutex owner=keeper acquired=vault_open in=main blocking=true same_fork=yes
 * suppress: unsafe_fork:vault_open
 * suppress: orphaned_lock:*
 * runs: {lock,trylock,timedlock}
 */
#include "../program.h"
#include <threads.h>

static mtx_t vault;
static struct gate held;
static const char *how;

static void vault_open(void) {
    struct timespec deadline = in_an_hour();
    if (is(how, "lock")) MUST(mtx_lock(&vault) != thrd_success);
    if (is(how, "trylock")) MUST(mtx_trylock(&vault) != thrd_success);
    if (is(how, "timedlock")) MUST(mtx_timedlock(&vault, &deadline) != thrd_success);
}

static int keeper(void *unused) {
    (void)unused;
    MUST(pthread_setname_np(pthread_self(), "keeper"));
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "lock";
    thrd_t thread;
    MUST(mtx_init(&vault, mtx_timed) != thrd_success);
    gate_make(&held);
    MUST(thrd_create(&thread, keeper, NULL) != thrd_success);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        mtx_lock(&vault);
        _exit(FINE);
    }
    return verdict(child);
}
