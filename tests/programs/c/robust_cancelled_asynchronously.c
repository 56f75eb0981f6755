/* A thread that may be cancelled at any instruction is cancelled just after its fork, while the library reports that: it unwinds
 * from there and runs its cleanup handlers.
 * expect: at-most WARN
 * allow: unsafe_fork WARN
 * records: maybe
 * runs: {1,2,3,4,5,6,7,8,9,10}
 */
#include "../program.h"

static struct gate forked;
static volatile int cleaned;

static void clean(void *unused) {
    (void)unused;
    cleaned++;
}

static void *forker(void *unused) {
    pthread_cleanup_push(clean, NULL);
    MUST(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
    pid_t child = fork();
    if (child == 0) {
        gate_open(&forked);
        _exit(FINE);
    }
    /* No cancellation point: only a cancellation at any instruction ends this. */
    for (;;) {}
    pthread_cleanup_pop(0);
    return unused;
}

int main(void) {
    void *result;
    gate_make(&forked);
    pthread_t thread = start("forker", forker, NULL);
    gate_pass(&forked);
    MUST(pthread_cancel(thread));
    MUST(pthread_join(thread, &result));
    if (result != PTHREAD_CANCELED || cleaned != 1) broken("the cancellation");
    /* What the thread left half done in libc may still be locked. */
    _exit(FINE);
}
