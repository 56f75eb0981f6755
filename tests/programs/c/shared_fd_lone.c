/* H15: the child of a process with one thread uses what its parent has for itself: it changes what the parent hears of, talks on its
 * connection, or writes to a file that the parent has locked.
 * expect: shared_fd WARN call=$2 fd_type=$3 in=uses parent_tids=0
 * runs: set epoll_ctl epoll
 * runs: signals signalfd signalfd
 * runs: timer timerfd_settime timerfd
 * runs: connection send socket
 * runs: file pwrite file
 */
#include "../program.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

static const char *how;
static int fd, other = -1;

static void makes(void) {
    struct itimerspec in_an_hour_ = {{0, 0}, {3600, 0}};
    struct epoll_event event = {EPOLLIN, {0}};
    struct sockaddr_un name = {AF_UNIX, ""};
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    MUST(sigprocmask(SIG_BLOCK, &signals, NULL));
    if (is(how, "set")) {
        fd = epoll_create1(0);
        other = eventfd(0, 0);
        MUST(epoll_ctl(fd, EPOLL_CTL_ADD, other, &event));
    } else if (is(how, "signals")) {
        fd = signalfd(-1, &signals, SFD_NONBLOCK);
    } else if (is(how, "timer")) {
        fd = timerfd_create(CLOCK_MONOTONIC, 0);
        MUST(timerfd_settime(fd, 0, &in_an_hour_, NULL));
    } else if (is(how, "connection")) {
        int server = socket(AF_UNIX, SOCK_STREAM, 0);
        socklen_t size = sizeof name;
        /* Without a name, the kernel gives it one. */
        MUST(bind(server, (struct sockaddr *)&name, sizeof name.sun_family));
        MUST(listen(server, 1));
        MUST(getsockname(server, (struct sockaddr *)&name, &size));
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        MUST(connect(fd, (struct sockaddr *)&name, size));
        other = accept(server, NULL, NULL);
    } else {
        char path[] = "/tmp/shared_fd_lone.XXXXXX";
        fd = mkstemp(path);
        MUST(unlink(path));
        if (pwrite(fd, "mine", 4, 0) != 4) broken("pwrite");
        MUST(fcntl(fd, F_SETLK, &lock));
    }
}

static void uses(void) {
    struct itimerspec never = {{0, 0}, {0, 0}};
    sigset_t none;
    sigemptyset(&none);
    if (is(how, "set")) MUST(epoll_ctl(fd, EPOLL_CTL_DEL, other, NULL));
    if (is(how, "signals") && signalfd(fd, &none, 0) < 0) broken("signalfd");
    if (is(how, "timer")) MUST(timerfd_settime(fd, 0, &never, NULL));
    if (is(how, "connection") && send(fd, "bye", 3, 0) != 3) broken("send");
    if (is(how, "file") && pwrite(fd, "gone", 4, 0) != 4) broken("pwrite");
    _exit(FINE);
}

static int suffers(void) {
    struct epoll_event event;
    struct signalfd_siginfo signal_;
    struct itimerspec left;
    char text[5] = "";
    if (is(how, "set")) return eventfd_write(other, 1) == 0 && epoll_wait(fd, &event, 1, 0) == 0;
    if (is(how, "signals")) return kill(getpid(), SIGUSR1) == 0 && read(fd, &signal_, sizeof signal_) < 0;
    if (is(how, "timer")) return timerfd_gettime(fd, &left) == 0 && left.it_value.tv_sec == 0;
    if (is(how, "connection")) return recv(other, text, 4, 0) == 3 && is(text, "bye");
    return pread(fd, text, 4, 0) == 4 && is(text, "gone");
}

int main(int count, char **words) {
    int status;
    how = count > 1 ? words[1] : "set";
    makes();
    pid_t child = fork();
    if (child == 0) uses();
    if (waitpid(child, &status, 0) != child || status != 0) broken("child");
    return suffers() ? say("the parent suffers"), REALISED : FINE;
}
