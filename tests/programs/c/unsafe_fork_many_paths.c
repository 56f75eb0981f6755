/* H1: one line forks and one line takes a lock, and very many paths lead to both. That is one finding, told once.
 * bare: 0
 * expect: unsafe_fork ERROR fork=fork_here locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=take
 */
#include "../program.h"

enum { DEPTH = 6, PATHS = 1 << DEPTH };
typedef int function(void);
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct gate next, held, release;
static volatile int calls;

static int left(function *last, unsigned path, int depth);
static int right(function *last, unsigned path, int depth);

/* Calls `last` by one of many paths. */
__attribute__((noinline)) static int by_path(function *last, unsigned path, int depth) {
    int result = depth == 0 ? last() : path & 1 ? left(last, path >> 1, depth - 1) : right(last, path >> 1, depth - 1);
    calls++;
    return result;
}
__attribute__((noinline)) static int left(function *last, unsigned path, int depth) {
    int result = by_path(last, path, depth);
    calls += 2;
    return result;
}
__attribute__((noinline)) static int right(function *last, unsigned path, int depth) {
    int result = by_path(last, path, depth);
    calls += 3;
    return result;
}

__attribute__((noinline)) static int take(void) {
    MUST(pthread_mutex_lock(&mutex));
    gate_open(&held);
    gate_pass(&release);
    MUST(pthread_mutex_unlock(&mutex));
    return FINE;
}

__attribute__((noinline)) static int fork_here(void) {
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}

static void *keep(void *unused) {
    (void)unused;
    for (unsigned path = 0;; path++) {
        gate_pass(&next);
        by_path(take, path, DEPTH);
    }
}

int main(void) {
    gate_make(&next);
    gate_make(&held);
    gate_make(&release);
    start("keeper", keep, NULL);
    int worst = FINE;
    for (unsigned path = 0; path < PATHS; path++) {
        gate_open(&next);
        gate_pass(&held);
        worst |= by_path(fork_here, path, DEPTH);
        gate_open(&release);
    }
    return worst;
}
