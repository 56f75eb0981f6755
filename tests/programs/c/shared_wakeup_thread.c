/* H6, H15: a thread of the parent waits on a descriptor, and the forked child uses the same one. The thread wakes up for nothing,
 * or it does not wake up when it should.
 * expect: unsafe_fork WARN threads=1
 * expect: shared_wakeup ERROR call=$2 fd_type=$3 in=uses waiter=loop same_fork=yes
 * runs: eventfd eventfd_write eventfd
 * runs: select write eventfd
 * runs: pipe write pipe
 * runs: read write pipe
 * runs: pair send socket
 * runs: timer timerfd_settime timerfd
 * runs: set epoll_ctl epoll
 */
#include "../program.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static const char *how;
static int ends[2], set;
static pid_t waiter;
static struct gate up, woken;

static void *loop(void *unused) {
    struct pollfd polled = {ends[0], POLLIN, 0};
    struct epoll_event event;
    char bytes[8];
    fd_set selected;
    waiter = (pid_t)syscall(SYS_gettid);
    gate_open(&up);
    if (is(how, "select")) {
        FD_ZERO(&selected);
        FD_SET(ends[0], &selected);
        select(ends[0] + 1, &selected, NULL, NULL, NULL);
    } else if (is(how, "read") || is(how, "timer")) {
        if (read(ends[0], bytes, sizeof bytes) < 0) broken("read");
    } else if (is(how, "pair") || is(how, "set")) {
        epoll_wait(set, &event, 1, -1);
    } else {
        poll(&polled, 1, -1);
    }
    gate_open(&woken);
    idle_for_ever();
    return unused;
}

static int sleeps(void) {
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", (int)waiter);
    return read_text(path, text, sizeof text) == 0 && atoi(text) != SYS_futex && text[0] != 'r';
}

static void uses(void) {
    struct itimerspec never = {{0, 0}, {0, 0}};
    uint64_t one = 1;
    if (is(how, "eventfd")) MUST(eventfd_write(ends[1], one));
    if (is(how, "select") && write(ends[1], &one, sizeof one) < 0) broken("write");
    if ((is(how, "pipe") || is(how, "read")) && write(ends[1], "", 1) < 0) broken("write");
    if (is(how, "pair") && send(ends[1], "", 1, 0) < 0) broken("send");
    if (is(how, "timer")) MUST(timerfd_settime(ends[1], 0, &never, NULL));
    if (is(how, "set")) MUST(epoll_ctl(set, EPOLL_CTL_DEL, ends[0], NULL));
    _exit(FINE);
}

int main(int count, char **words) {
    struct itimerspec in_an_hour_ = {{0, 0}, {3600, 0}}, left;
    struct epoll_event event = {EPOLLIN, {0}};
    int status;
    how = count > 1 ? words[1] : "eventfd";
    gate_make(&up);
    gate_make(&woken);
    set = epoll_create1(EPOLL_CLOEXEC);
    if (is(how, "pipe") || is(how, "read")) {
        /* A thread that only reads may be told something, but not by one that never waits. */
        MUST(pipe2(ends, 0));
        if (is(how, "read")) MUST(fcntl(ends[1], F_SETFL, O_NONBLOCK));
    } else if (is(how, "pair")) {
        MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    } else if (is(how, "timer")) {
        ends[0] = ends[1] = timerfd_create(CLOCK_MONOTONIC, 0);
        MUST(timerfd_settime(ends[0], 0, &in_an_hour_, NULL));
    } else {
        ends[0] = ends[1] = eventfd(0, 0);
    }
    if (!is(how, "timer")) MUST(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event));
    start("loop", loop, NULL);
    gate_pass(&up);
    while (!sleeps()) pause_milliseconds(1);
    pid_t child = fork();
    if (child == 0) uses();
    if (waitpid(child, &status, 0) != child || status != 0) broken("child");
    if (is(how, "timer")) {
        MUST(timerfd_gettime(ends[0], &left));
        return left.it_value.tv_sec == 0 ? say("the timer is off"), REALISED : FINE;
    }
    if (is(how, "set")) {
        MUST(eventfd_write(ends[0], 1));
        return epoll_wait(set, &event, 1, 0) == 0 ? say("the loop is deaf"), REALISED : FINE;
    }
    gate_pass(&woken);
    say("the thread woke up for nothing");
    return REALISED;
}
