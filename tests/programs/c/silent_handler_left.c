/* A prepare handler jumps out of fork. What its thread waits for afterwards is no wait of the handler.
 * expect: silent
 */
#include "../program.h"
#include <setjmp.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;
static jmp_buf before_fork;
static pid_t waiter;

static void prepare(void) { longjmp(before_fork, 1); }

/* Holds the mutex until the first thread waits for it as it does without us: not with a time-out first, as in a handler. */
static void *holder(void *unused) {
    char task[32];
    MUST(pthread_mutex_lock(&mutex));
    gate_open(&held);
    snprintf(task, sizeof task, "self/task/%d", (int)waiter);
    while (!waits_for_ever(task)) pause_milliseconds(2);
    MUST(pthread_mutex_unlock(&mutex));
    return unused;
}

int main(void) {
    waiter = getpid();
    gate_make(&held);
    MUST(pthread_atfork(prepare, NULL, NULL));
    if (setjmp(before_fork) == 0) {
        (void)fork();
        broken("fork has returned");
    }
    pthread_t thread = start("holder", holder, NULL);
    gate_pass(&held);
    MUST(pthread_mutex_lock(&mutex));
    MUST(pthread_mutex_unlock(&mutex));
    MUST(pthread_join(thread, NULL));
    return FINE;
}
