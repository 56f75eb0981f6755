/* H2: a read-write lock that lets writers go first. One thread reads, and another one waits to write: a reader that comes
 * later waits behind both, and in the child for ever.
 * expect: unsafe_fork ERROR locks=1 threads=2
 * with: lock=rwlock_read owner=reader acquired=reader waiters=1
 * expect: orphaned_lock FATAL call=pthread_rwlock_rdlock lock=rwlock_read owner=reader acquired=reader in=main blocking=true same_fork=yes
 */
#include "../program.h"

static pthread_rwlock_t vault = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static struct gate held;
static volatile pid_t writer_id;

static void *reader(void *unused) {
    (void)unused;
    MUST(pthread_rwlock_rdlock(&vault));
    gate_open(&held);
    idle_for_ever();
}

static void *writer(void *unused) {
    (void)unused;
    writer_id = gettid();
    pthread_rwlock_wrlock(&vault);
    idle_for_ever();
}

int main(void) {
    char task[64] = "";
    gate_make(&held);
    start("reader", reader, NULL);
    gate_pass(&held);
    start("writer", writer, NULL);
    while (writer_id == 0) pause_milliseconds(1);
    snprintf(task, sizeof task, "self/task/%d", (int)writer_id);
    while (!waits_for_ever(task)) pause_milliseconds(1);
    pid_t child = fork();
    if (child == 0) {
        pthread_rwlock_rdlock(&vault);
        _exit(FINE);
    }
    return verdict(child);
}
