/* fork does not return: an at-fork handler joins a thread that waits for a word of the forking thread. No lock shows that, so it is
 * told when the thread has not moved for ten seconds.
 * expect: slow_handler WARN phase=prepare library=*handler_hangs_in_vain
 * expect: slow_handler ERROR phase=prepare library=*handler_hangs_in_vain
 * suppress: slow_handler:handler_hangs_in_vain
 * end: abrupt
 */
#include "../program.h"

static struct gate up, word;
static pthread_t joined;

static void prepare(void) { pthread_join(joined, NULL); }

static void *waits_for_forker(void *unused) {
    (void)unused;
    gate_open(&up);
    gate_pass(&word);
    broken("the forking thread has gone on");
}

/* Sees that the forking thread is stuck: it waits in its handler without a time-out. */
static void *judge(void *unused) {
    char task[32];
    (void)unused;
    snprintf(task, sizeof task, "self/task/%d", (int)getpid());
    while (!waits_for_ever(task)) pause_milliseconds(2);
    say("parent: stuck");
    _exit(REALISED);
}

int main(void) {
    gate_make(&up);
    gate_make(&word);
    MUST(pthread_atfork(prepare, NULL, NULL));
    joined = start("waiter", waits_for_forker, NULL);
    gate_pass(&up);
    start("judge", judge, NULL);
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    broken("fork has returned");
}
