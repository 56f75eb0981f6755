/* A signal handler that locks comes between two instructions that the unwind tables do not know: inline assembly pushes onto the
 * stack and takes off again. The timer fires all the while, on the thread's own stack and on an alternate one.
 * processor: x86-64
 * runs: {own,alternate}
 * expect: silent
 */
#include "../program.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile sig_atomic_t handled;

__attribute__((noinline)) static void lock_and_unlock(void) {
    MUST(pthread_mutex_lock(&mutex));
    MUST(pthread_mutex_unlock(&mutex));
}

static void handler(int number) {
    (void)number;
    lock_and_unlock();
    handled++;
}

/* Has its frame by the stack pointer alone. */
__attribute__((noinline)) static unsigned long flags(void) {
    unsigned long found = 0, value;
    for (int time = 0; time < 1000; time++) {
        __asm__ volatile(
            "sub $128, %%rsp\n pushf\n push $0x10\n push $-1\n push %%rsp\n push $8\n"
            "add $32, %%rsp\n popf\n add $128, %%rsp\n pushf\n pop %0"
            : "=r"(value)
            :
            : "memory", "cc");
        found |= value;
    }
    return found;
}

int main(int count, char **words) {
    if (count != 2) broken("no way is given");
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    stack_t alternate = {.ss_size = 64 * 1024};
    if (is(words[1], "alternate")) {
        alternate.ss_sp = malloc(alternate.ss_size);
        MUST(sigaltstack(&alternate, NULL));
        action.sa_flags |= SA_ONSTACK;
    }
    MUST(sigaction(SIGPROF, &action, NULL));
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGPROF};
    MUST(timer_create(CLOCK_MONOTONIC, &event, &timer));
    struct itimerspec each = {{0, 50000}, {0, 50000}};
    MUST(timer_settime(timer, 0, &each, NULL));
    unsigned long found = 0;
    while (handled < 5000) found |= flags();
    say("interrupt flag %d", (int)(found >> 9 & 1));
    return FINE;
}
