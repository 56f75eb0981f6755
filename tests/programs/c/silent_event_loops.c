/* Children that have a loop of their own, or make libevent's anew with event_reinit(), while a thread of the parent runs its loop.
 * needs: libevent_pthreads
 * expect: at-most WARN
 * runs: {reinit,own}
 */
#include "../program.h"
#include <event2/event.h>
#include <event2/thread.h>

static struct event_base *base;
static struct gate up;
static int calls;

static void count(int fd, short what, void *unused) { (void)fd, (void)what, (void)unused, calls++; }

static void *run(void *unused) {
    gate_open(&up);
    event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
    return unused;
}

static int works(void) {
    struct timeval soon = {0, 1000};
    struct event_base *loop = event_base_new();
    struct event *event = event_new(loop, -1, 0, count, NULL);
    MUST(event_add(event, &soon));
    event_base_loop(loop, EVLOOP_ONCE);
    return calls == 1 ? FINE : BROKEN;
}

int main(int words_count, char **words) {
    gate_make(&up);
    MUST(evthread_use_pthreads());
    base = event_base_new();
    struct event *event = event_new(base, -1, 0, count, NULL);
    start("loop", run, NULL);
    gate_pass(&up);
    pid_t child = fork();
    if (child == 0) {
        if (words_count > 1 && is(words[1], "own")) _exit(works());
        MUST(event_reinit(base));
        event_active(event, EV_READ, 0);
        _exit(FINE);
    }
    return verdict(child);
}
