/* A thread follows another on the same memory, with a smaller stack: the same call with the same stack pointer, but the frames of
 * its callers no longer reach as high, and what lies above is not mapped.
 * expect: silent
 */
#include "../program.h"
#include <alloca.h>
#include <stdint.h>
#include <sys/mman.h>

enum { BIG = 1024 * 1024, SMALL = 128 * 1024, ROUNDS = 20, BELOW_THE_TOP = 6000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char *stack;

static void lock_twice(void) {
    for (int time = 0; time < 2; time++) {
        MUST(pthread_mutex_lock(&mutex));
        MUST(pthread_mutex_unlock(&mutex));
    }
}

/* Comes down to the same address, however high the stack begins. */
static void come_down(void) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), wanted = (uintptr_t)stack + SMALL - BELOW_THE_TOP;
    volatile char *gap = alloca(here > wanted + 256 ? here - wanted : 16);
    gap[0] = 1;
    lock_twice();
    gap[1] = 2;
}

static void *work(void *unused) {
    come_down();
    return unused;
}

static void run_on(size_t bytes) {
    pthread_attr_t attributes;
    pthread_t thread;
    if (mmap(stack, BIG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) broken("mmap");
    MUST(mprotect(stack, bytes, PROT_READ | PROT_WRITE));
    MUST(pthread_attr_init(&attributes));
    MUST(pthread_attr_setstack(&attributes, stack, bytes));
    MUST(pthread_create(&thread, &attributes, work, NULL));
    MUST(pthread_join(thread, NULL));
}

int main(void) {
    stack = mmap(NULL, 2 * BIG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED) broken("mmap");
    for (int round = 0; round < ROUNDS; round++) {
        for (int time = 0; time < 3; time++) run_on(BIG);
        run_on(SMALL);
    }
    say("%d threads on a smaller stack: fine", ROUNDS);
    return FINE;
}
