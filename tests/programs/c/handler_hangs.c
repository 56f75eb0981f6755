/* fork does not return: an at-fork handler joins a thread, or asks for a mutex of a thread, that waits for the forking thread. It is
 * told while it hangs. `handler_hangs_on_itself` is the same program.
 * expect: slow_handler ERROR phase=prepare library=*handler_hangs
 * suppress: slow_handler:handler_hangs
 * runs: {join,held_by_other}
 * end: abrupt
 */
#include "../program.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, other = PTHREAD_MUTEX_INITIALIZER;
static struct gate up;
static pthread_t joined;
static const char *how;

static void prepare(void) {
    if (is(how, "own_mutex") || is(how, "held_by_other")) pthread_mutex_lock(&mutex);
    if (is(how, "join")) pthread_join(joined, NULL);
}

static void release(void) {
    if (!is(how, "join")) pthread_mutex_unlock(&mutex);
}

/* Holds the mutex, or is to be joined, until the forking thread gives back its own. */
static void *waits_for_forker(void *unused) {
    (void)unused;
    if (is(how, "held_by_other")) MUST(pthread_mutex_lock(&mutex));
    gate_open(&up);
    MUST(pthread_mutex_lock(&other));
    broken("the forking thread has gone on");
}

/* Sees that the forking thread is stuck: it has waited in its handler for this long. */
static void *judge(void *unused) {
    char task[32];
    (void)unused;
    snprintf(task, sizeof task, "self/task/%d", (int)getpid());
    while (!waits_for_ever(task)) pause_milliseconds(2);
    say("parent: stuck");
    _exit(REALISED);
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "own_mutex";
    gate_make(&up);
    MUST(pthread_atfork(prepare, release, release));
    MUST(pthread_mutex_lock(&other));
    if (is(how, "own_mutex")) {
        MUST(pthread_mutex_lock(&mutex));
    } else {
        joined = start("waiter", waits_for_forker, NULL);
        gate_pass(&up);
    }
    start("judge", judge, NULL);
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    broken("fork has returned");
}
