/* One place forks 300 times. Each time another thread holds the same mutex, taken by the same call on another call path of
 * 2^8, as a library's callers do. There is one place to fix: it is reported once, and the others are counted.
 * expect: unsafe_fork ERROR fork=main locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=vault_open
 */
#include "../program.h"

enum { FORKS = 300, TURNS = 8 };
static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate take, taken, release, released;
static volatile int steps;

static __attribute__((noinline)) void vault_open(void) {
    MUST(pthread_mutex_lock(&vault));
    gate_open(&taken);
    gate_pass(&release);
    MUST(pthread_mutex_unlock(&vault));
}

static void walk(unsigned path, int turns);
static __attribute__((noinline)) void left(unsigned path, int turns) { walk(path, turns); steps++; }
static __attribute__((noinline)) void right(unsigned path, int turns) { walk(path, turns); steps--; }
static __attribute__((noinline)) void walk(unsigned path, int turns) {
    if (turns == 0) vault_open();
    else if (path & 1) left(path >> 1, turns - 1);
    else right(path >> 1, turns - 1);
    steps++;
}

static void *keeper(void *unused) {
    for (unsigned path = 0;; path++) {
        gate_pass(&take);
        walk(path, TURNS);
        gate_open(&released);
    }
    return unused;
}

int main(void) {
    struct gate *gates[] = {&take, &taken, &release, &released};
    for (int gate = 0; gate < 4; gate++) gate_make(gates[gate]);
    start("keeper", keeper, NULL);
    for (int round = 0; round < FORKS; round++) {
        int status;
        gate_open(&take);
        gate_pass(&taken);
        pid_t child = fork();
        if (child == 0) _exit(FINE);
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
        gate_open(&release);
        gate_pass(&released);
    }
    say("300 children: fine");
    return FINE;
}
