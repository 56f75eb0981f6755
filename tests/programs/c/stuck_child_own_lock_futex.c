/* H9: a lock made of a compare-and-swap, which passes no function anyone could see: another thread has it at the fork. The
 * parent's third thread already waits for it, so its word is known to be waited on; the child waits on the same.
 * expect: unsafe_fork function=fork fork=main threads=2
 * expect: stuck_child FATAL call=syscall(SYS_futex) object=futex in=inline_lock same_fork=yes parent_tids=1
 * suppress: unsafe_fork:keeper
 * suppress: stuck_child:inline_lock
 */
#include "../program.h"
#include <linux/futex.h>

static int word;
static struct gate held;
static pid_t waiter_tid;

static void inline_lock(void) {
    while (__atomic_exchange_n(&word, 2, __ATOMIC_ACQUIRE) != 0) syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 2, NULL);
}

static void *keeper(void *unused) {
    (void)unused;
    inline_lock();
    gate_open(&held);
    idle_for_ever();
}

static void *waiter(void *unused) {
    __atomic_store_n(&waiter_tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
    gate_open(&held);
    inline_lock();
    return unused;
}

int main(void) {
    char task[64];
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    start("waiter", waiter, NULL);
    gate_pass(&held);
    snprintf(task, sizeof task, "%d/task/%d", (int)getpid(), (int)waiter_tid);
    while (!waits_for_ever(task)) pause_milliseconds(1);
    pid_t child = fork();
    if (child == 0) {
        inline_lock();
        _exit(FINE);
    }
    return verdict(child);
}
