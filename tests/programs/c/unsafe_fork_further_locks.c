/* H1: one line forks again and again, and each time another lock is held. That is one finding: reported in full once, with all
 * other threads again at the first lock, and then briefly with each further lock, up to a limit.
 * bare: 0
 * count: any
 * expect: unsafe_fork WARN fork=main locks=0 threads=2
 * expect: unsafe_fork ERROR fork=main locks=1 threads=2
 * with: lock=mutex owner=keeper acquired=keep
 * expect: unsafe_fork ERROR fork=main locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=keep
 */
#include "../program.h"

enum { LOCKS = 24, ROUNDS = 2 };
static pthread_mutex_t locks[LOCKS];
static struct gate next, held, release;

/* Each lock is taken by a call of its own. */
#define TAKE(i) case i: MUST(pthread_mutex_lock(&locks[i])); break;
#define TAKE_SIX(i) TAKE(i) TAKE(i + 1) TAKE(i + 2) TAKE(i + 3) TAKE(i + 4) TAKE(i + 5)

static void *keep(void *unused) {
    (void)unused;
    for (int i = 0;; i++) {
        gate_pass(&next);
        switch (i % LOCKS) { TAKE_SIX(0) TAKE_SIX(6) TAKE_SIX(12) TAKE_SIX(18) }
        gate_open(&held);
        gate_pass(&release);
        MUST(pthread_mutex_unlock(&locks[i % LOCKS]));
    }
}

static void *idle(void *unused) {
    (void)unused;
    gate_open(&held);
    idle_for_ever();
}

int main(void) {
    for (int i = 0; i < LOCKS; i++) MUST(pthread_mutex_init(&locks[i], NULL));
    gate_make(&next);
    gate_make(&held);
    gate_make(&release);
    start("keeper", keep, NULL);
    start("idler", idle, NULL);
    gate_pass(&held);
    int worst = FINE;
    for (volatile int i = 0; i <= ROUNDS * LOCKS; i++) {
        if (i > 0) {
            gate_open(&next);
            gate_pass(&held);
        }
        pid_t child = fork();
        if (child == 0) _exit(FINE);
        worst |= verdict(child);
        if (i > 0) gate_open(&release);
    }
    return worst;
}
