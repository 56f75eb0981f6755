/* The process ends while its main thread and another one hold locks: nothing leaks, for nobody is left.
 * expect: silent
 * runs: {return,exit,exit_in_thread}
 */
#include "../program.h"

static pthread_mutex_t mains = PTHREAD_MUTEX_INITIALIZER, threads = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;
static const char *how;

static void *keeper(void *unused) {
    MUST(pthread_mutex_lock(&threads));
    if (is(how, "exit_in_thread")) exit(FINE);
    gate_open(&held);
    idle_for_ever();
    return unused;
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "return";
    gate_make(&held);
    MUST(pthread_mutex_lock(&mains));
    start("keeper", keeper, NULL);
    gate_pass(&held);
    if (is(how, "exit")) exit(FINE);
    return FINE;
}
