/* Children end while their parent's fork is being reported. The signal of that has no handler, so it interrupts nothing natively: an epoll
 * loop of another thread must not see EINTR.
 * expect: at-most WARN
 * allow: unsafe_fork WARN
 * count: any
 */
#include "../program.h"
#include <sys/epoll.h>

static volatile int interrupted;

static void *loop(void *unused) {
    struct epoll_event event;
    int set = epoll_create1(EPOLL_CLOEXEC);
    for (;;) {
        if (epoll_wait(set, &event, 1, -1) < 0 && errno == EINTR) interrupted = 1;
    }
    return unused;
}

static void parent_waits(pid_t child) {
    int status;
    if (child == 0) _exit(FINE);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
}

/* A fork is reported once for each function that forks. */
#define PLACE(name) __attribute__((noinline)) static void name(void) { parent_waits(fork()); }
#define PLACES(name) PLACE(name##0) PLACE(name##1) PLACE(name##2) PLACE(name##3)
#define CALL(name) name##0(); name##1(); name##2(); name##3();
PLACES(a)
PLACES(b)
PLACES(c)
PLACES(d)

int main(void) {
    start("loop", loop, NULL);
    CALL(a)
    CALL(b)
    CALL(c)
    CALL(d)
    say(interrupted ? "epoll_wait was interrupted" : "nothing was interrupted");
    return FINE;
}
