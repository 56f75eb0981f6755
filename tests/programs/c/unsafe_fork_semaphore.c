/* H1, H2: a semaphore made with 1 and used to exclude is held by another thread at the fork. The child waits for it and can
 * never go on.
 * expect: unsafe_fork ERROR function=fork fork=main locks=1 threads=1
 * with: lock=semaphore owner=keeper acquired=vault_open
 * with: thread=keeper start=keeper created=main
 * expect: orphaned_lock FATAL call=sem_wait lock=semaphore owner=keeper acquired=vault_open in=main blocking=true same_fork=yes
 * suppress: unsafe_fork:vault_open
 * suppress: orphaned_lock:*
 * runs: {wait,trywait,timedwait,clockwait}
 */
#include "../program.h"

static sem_t vault;
static struct gate held;
static const char *how;

static void vault_open(void) {
    struct timespec deadline = in_an_hour();
    if (is(how, "wait")) MUST(sem_wait(&vault));
    if (is(how, "trywait")) MUST(sem_trywait(&vault));
    if (is(how, "timedwait")) MUST(sem_timedwait(&vault, &deadline));
    if (is(how, "clockwait")) MUST(sem_clockwait(&vault, CLOCK_REALTIME, &deadline));
}

static void *keeper(void *unused) {
    (void)unused;
    for (int use = 0; use < 3; use++) {
        vault_open();
        if (use < 2) MUST(sem_post(&vault));
    }
    gate_open(&held);
    idle_for_ever();
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "wait";
    MUST(sem_init(&vault, 0, 1));
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        sem_wait(&vault);
        _exit(FINE);
    }
    return verdict(child);
}
