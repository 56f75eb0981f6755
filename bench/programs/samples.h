/* How the programs of the benchmark time a loop: it is calibrated first, so that a run takes as long as it was told to, under
 * a slow tool as well as bare. One line a quantity: its name and the nanoseconds an operation of each sample. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <stdio.h>

#include "clock.h"

#define SAMPLES 15
/* Keeps the compiler from moving or dropping what stands around it. */
#define BARRIER __asm__ volatile("" ::: "memory")

static __attribute__((noinline)) double time_loop(void (*loop)(long), long times) {
    double begin = nanoseconds_now();
    loop(times);
    return nanoseconds_now() - begin;
}

/* Samples are short, so that many of them are disturbed by nobody. */
static inline void sample(const char *quantity, void (*loop)(long), double milliseconds) {
    double wanted = milliseconds * 1e6 / (SAMPLES + 2);
    long times = 1;
    while (time_loop(loop, times) < wanted) times *= 2;
    printf("%s", quantity);
    for (int number = 0; number < SAMPLES; number++) printf("\t%.2f", time_loop(loop, times) / (double)times);
    printf("\n");
}

#endif
