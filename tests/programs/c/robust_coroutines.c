/* Two coroutines of one thread, on stacks of their own, take and release locks in turns; at the fork one of them holds one.
 * expect: unsafe_fork ERROR fork=main locks=1 threads=1
 * with: lock=mutex owner=scheduler acquired=last_step
 */
#include "../program.h"
#include <ucontext.h>

static pthread_mutex_t mutexes[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static ucontext_t scheduler_context, contexts[2];
static char stacks[2][64 * 1024] __attribute__((aligned(16)));
static struct gate held;

static void yield_to_scheduler(int self) { MUST(swapcontext(&contexts[self], &scheduler_context)); }

static void last_step(int self) { MUST(pthread_mutex_lock(&mutexes[self])); }

static void coroutine(int self) {
    for (int round = 0; round < 100; round++) {
        MUST(pthread_mutex_lock(&mutexes[self]));
        yield_to_scheduler(self);
        MUST(pthread_mutex_unlock(&mutexes[self]));
        yield_to_scheduler(self);
    }
    if (self == 1) last_step(self);
    yield_to_scheduler(self);
}

static void make(int self) {
    MUST(getcontext(&contexts[self]));
    contexts[self].uc_stack.ss_sp = stacks[self];
    contexts[self].uc_stack.ss_size = sizeof stacks[self];
    makecontext(&contexts[self], (void (*)(void))coroutine, 1, self);
}

static void *scheduler(void *unused) {
    make(0);
    make(1);
    for (int turn = 0; turn < 201; turn++) {
        for (int self = 0; self < 2; self++) MUST(swapcontext(&scheduler_context, &contexts[self]));
    }
    gate_open(&held);
    idle_for_ever();
    return unused;
}

int main(void) {
    gate_make(&held);
    start("scheduler", scheduler, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}
