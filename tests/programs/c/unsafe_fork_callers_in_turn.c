/* H1: several chains of callers lead to one helper that takes the lock, many times in a row and in turns. The lock is reported with
 * the chain that took it last.
 * expect: unsafe_fork ERROR fork=main locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=$1
 * expect: orphaned_lock FATAL call=pthread_mutex_lock lock=mutex owner=keeper acquired=$1 in=main same_fork=yes
 * runs: {first,second,turns}
 */
#include "../program.h"

enum { MANY = 200 };

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate ready;
static const char *way;

static __attribute__((noinline)) int vault_open(void) { return pthread_mutex_lock(&vault); }

/* The same frame each, so that the helper is called with the same stack pointer. */
static __attribute__((noinline)) void first(void) { MUST(vault_open()); }
static __attribute__((noinline)) void second(void) { MUST(vault_open()); }
static __attribute__((noinline)) void turns(void) { MUST(vault_open()); }

static void take(void (*const chains[])(void), int number, int times) {
    for (int time = 0; time < times; time++) {
        chains[time % number]();
        if (time < times - 1) pthread_mutex_unlock(&vault);
    }
}

static void *keeper(void *unused) {
    (void)unused;
    take((void (*const[])(void)){first}, 1, MANY);
    if (strcmp(way, "first") != 0) {
        pthread_mutex_unlock(&vault);
        if (strcmp(way, "second") == 0) take((void (*const[])(void)){second}, 1, MANY);
        else take((void (*const[])(void)){first, turns}, 2, MANY);
    }
    gate_open(&ready);
    idle_for_ever();
}

int main(int count, char **words) {
    way = count > 1 ? words[1] : "first";
    gate_make(&ready);
    start("keeper", keeper, NULL);
    gate_pass(&ready);
    pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(&vault);
        _exit(FINE);
    }
    return verdict(child);
}
