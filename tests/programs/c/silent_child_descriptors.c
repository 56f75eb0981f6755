/* What a child may do with descriptors although a thread of its parent waits on some: make its own in their place, talk to its parent
 * through what is there for that, write to a log, serve a connection. Only the fork itself is reported.
 * expect: unsafe_fork WARN threads=1
 * runs: {anew,reader,told,forker,log,server,given,datagrams,input,closed}
 */
#include "../program.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

static const char *how;
static int wakeup, set, ends[2], log_, server, client, other;
static pid_t waiter;
static struct gate up;

static void *loop(void *unused) {
    struct epoll_event event;
    char byte;
    waiter = (pid_t)syscall(SYS_gettid);
    gate_open(&up);
    if (is(how, "reader")) {
        /* It reads what children say, until they have all ended. */
        while (read(ends[0], &byte, 1) == 1) {}
    } else if (is(how, "told")) {
        if (read(ends[0], &byte, 1) != 1) broken("read");
    } else {
        epoll_wait(set, &event, 1, -1);
    }
    idle_for_ever();
    return unused;
}

static int sleeps(void) {
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", (int)waiter);
    return read_text(path, text, sizeof text) == 0 && atoi(text) != SYS_futex && text[0] != 'r';
}

static void uses(void) {
    uint64_t one = 1;
    char byte;
    struct epoll_event event = {EPOLLIN, {0}};
    if (is(how, "anew")) {
        int number = wakeup, old_set = set;
        MUST(close(wakeup));
        MUST(close(set));
        set = epoll_create1(0);
        wakeup = eventfd(0, 0);
        if (dup2(wakeup, number) != number || dup2(set, old_set) != old_set) broken("dup2");
        MUST(epoll_ctl(old_set, EPOLL_CTL_ADD, number, &event));
        MUST(eventfd_write(number, one));
        if (epoll_wait(old_set, &event, 1, -1) != 1) broken("epoll_wait");
    }
    if ((is(how, "reader") || is(how, "told") || is(how, "closed")) && write(ends[1], "", 1) != 1) broken("write");
    if (is(how, "forker")) {
        MUST(eventfd_write(other, one));
        if (write(ends[1], "", 1) != 1) broken("write");
    }
    if (is(how, "log") && write(log_, "line\n", 5) != 5) broken("write");
    if (is(how, "server")) {
        int served = accept(server, NULL, NULL);
        if (send(served, "hello", 5, 0) != 5) broken("send");
    }
    if (is(how, "given") && send(other, "hello", 5, 0) != 5) broken("send");
    if (is(how, "datagrams") && send(client, "hello", 5, 0) != 5) broken("send");
    if (is(how, "input") && (write(STDOUT_FILENO, "", 0) < 0 || read(STDIN_FILENO, &byte, 0) < 0)) broken("standard streams");
    _exit(FINE);
}

static void makes(void) {
    struct epoll_event event = {EPOLLIN, {0}};
    struct sockaddr_un name = {AF_UNIX, ""};
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    socklen_t size = sizeof name;
    char path[] = "/tmp/silent_child_descriptors.XXXXXX";
    int type = is(how, "datagrams") ? SOCK_DGRAM : SOCK_STREAM;
    set = epoll_create1(0);
    wakeup = eventfd(0, 0);
    other = eventfd(0, 0);
    MUST(epoll_ctl(set, EPOLL_CTL_ADD, wakeup, &event));
    MUST(pipe(ends));
    if (is(how, "closed")) MUST(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event));
    log_ = mkstemp(path);
    MUST(fcntl(log_, F_SETFL, O_APPEND));
    /* A lock that was given back does not count. */
    MUST(fcntl(log_, F_SETLK, &lock));
    lock.l_type = F_UNLCK;
    MUST(fcntl(log_, F_SETLK, &lock));
    MUST(unlink(path));
    server = socket(AF_UNIX, type, 0);
    MUST(bind(server, (struct sockaddr *)&name, sizeof name.sun_family));
    MUST(getsockname(server, (struct sockaddr *)&name, &size));
    client = socket(AF_UNIX, type, 0);
    if (type == SOCK_STREAM) MUST(listen(server, 1));
    MUST(connect(client, (struct sockaddr *)&name, size));
    if (is(how, "given")) other = accept(server, NULL, NULL);
}

int main(int count, char **words) {
    int status;
    eventfd_t value;
    how = count > 1 ? words[1] : "anew";
    gate_make(&up);
    makes();
    start("loop", loop, NULL);
    gate_pass(&up);
    while (!sleeps()) pause_milliseconds(1);
    pid_t child = fork();
    if (child == 0) uses();
    if (is(how, "reader")) MUST(close(ends[1]));
    if (is(how, "given")) MUST(close(other));
    if (is(how, "closed")) {
        /* It is busy, and does not sleep before it closes what is the child's. */
        for (clock_t end = clock() + CLOCKS_PER_SEC / 20; clock() < end;) {}
        MUST(close(ends[1]));
    }
    if (is(how, "forker")) {
        struct pollfd polled[2] = {{other, POLLIN, 0}, {ends[0], POLLIN, 0}};
        if (poll(polled, 2, -1) < 1) broken("poll");
        MUST(eventfd_read(other, &value));
    }
    if (waitpid(child, &status, 0) != child || status != 0) broken("child");
    say("the child is fine");
    return FINE;
}
