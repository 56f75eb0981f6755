/* H1: a lock is taken a hundred calls deep, and the thread was started as deep: how much of a stack is kept is an option.
 * expect: unsafe_fork ERROR fork=main locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=dive
 * with: thread=keeper start=keeper created=start_deep
 * expect: orphaned_lock FATAL call=pthread_mutex_lock lock=mutex owner=keeper acquired=dive in=main blocking=true same_fork=yes
 */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static int dive(int depth) {
    if (depth == 0) {
        MUST(pthread_mutex_lock(&vault));
        gate_open(&held);
        idle_for_ever();
    }
    return dive(depth - 1) + 1;
}

static void *keeper(void *unused) {
    dive(100);
    return unused;
}

static int start_deep(int depth) {
    if (depth == 0) {
        start("keeper", keeper, NULL);
        gate_pass(&held);
        return 0;
    }
    return start_deep(depth - 1) + 1;
}

int main(void) {
    gate_make(&held);
    if (start_deep(100) != 100) broken("start_deep");
    pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(&vault);
        _exit(FINE);
    }
    return verdict(child);
}
