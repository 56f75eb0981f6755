/* A thread holds more locks than any table can be expected to have room for. The newest is reported, the summary says how many
 * were not followed, and giving them all back leaves nothing.
 * expect: unsafe_fork ERROR fork=fork_while_held threads=1
 * with: lock=mutex owner=hoarder acquired=hoarder
 * expect: unsafe_fork WARN fork=fork_while_free locks=0 threads=1
 */
#include "../program.h"

enum { LOCKS = 5000 };
static pthread_mutex_t mutexes[LOCKS];
static struct gate held, release, done;

static void *hoarder(void *unused) {
    (void)unused;
    for (int number = 0; number < LOCKS; number++) MUST(pthread_mutex_lock(&mutexes[number]));
    gate_open(&held);
    gate_pass(&release);
    for (int number = 0; number < LOCKS; number++) MUST(pthread_mutex_unlock(&mutexes[number]));
    gate_open(&done);
    idle_for_ever();
}

static int fork_while_held(void) {
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}

static int fork_while_free(void) {
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}

int main(void) {
    for (int number = 0; number < LOCKS; number++) MUST(pthread_mutex_init(&mutexes[number], NULL));
    gate_make(&held);
    gate_make(&release);
    gate_make(&done);
    start("hoarder", hoarder, NULL);
    gate_pass(&held);
    int first = fork_while_held();
    gate_open(&release);
    gate_pass(&done);
    return first | fork_while_free();
}
