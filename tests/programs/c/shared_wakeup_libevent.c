/* H6: libevent's loop runs in a thread. A child activates an event of the copied loop without event_reinit(): the
 * parent's loop wakes up and finds nothing to do.
 * needs: libevent_pthreads
 * expect: unsafe_fork
 * expect: shared_wakeup ERROR call=write fd_type=eventfd parent_tids=1 in=event_active
 * suppress: *:*
 */
#include "../program.h"
#include <event2/event.h>
#include <event2/thread.h>

static struct event_base *base;
static struct gate up;
static pid_t loop;

static void nothing(int fd, short what, void *unused) { (void)fd, (void)what, (void)unused; }

static void *run(void *unused) {
    loop = gettid();
    gate_open(&up);
    event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
    return unused;
}

/* Returns when the loop's thread waits in the kernel for events. */
static void wait_until_it_polls(void) {
    char path[64], text[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", loop);
    while (read_text(path, text, sizeof text) != 0 || atoi(text) != SYS_epoll_wait) pause_milliseconds(1);
}

/* How often the loop's thread has gone to sleep. */
static int sleeps(void) {
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/self/task/%d/status", loop);
    MUST(read_text(path, text, sizeof text));
    return atoi(strchr(strstr(text, "\nvoluntary_ctxt_switches:"), ':') + 1);
}

int main(void) {
    gate_make(&up);
    MUST(evthread_use_pthreads());
    base = event_base_new();
    struct event *event = event_new(base, -1, 0, nothing, NULL);
    start("loop", run, NULL);
    gate_pass(&up);
    wait_until_it_polls();
    int before = sleeps();
    pid_t child = fork();
    if (child == 0) {
        event_active(event, EV_READ, 0);
        _exit(FINE);
    }
    int status;
    MUST(waitpid(child, &status, 0) != child);
    MUST(status);
    while (sleeps() == before) pause_milliseconds(1);
    say("the parent's loop woke up");
    _exit(REALISED);
}
