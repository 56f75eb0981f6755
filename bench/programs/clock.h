/* The clock of the benchmark's programs. */
#ifndef CLOCK_H
#define CLOCK_H

#include <time.h>

static inline double nanoseconds_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

#endif
