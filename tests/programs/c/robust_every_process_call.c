/* Each function that makes a process, runs a program or ends one, with arguments of its own and where it fails: what it returns
 * to whom, what becomes of errno, which handlers it runs, and what status arrives.
 * expect: silent
 */
#include "../program.h"
#include <pty.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <termios.h>

#define TELL(call) do { errno = 1234; long result = (long)(call); say("%s: %ld, errno %d", #call, result, errno); } while (0)
extern pid_t __fork(void);

static int prepared, in_parent_ran, in_child_ran;
static void prepares(void) { prepared++; }
static void in_parent(void) { in_parent_ran++; }
static void in_child(void) { in_child_ran++; }

/* What arrived from a child, whose errno was to stay. */
static void arrived(const char *how, pid_t child, int error) {
    int status = -1;
    if (child < 0) return say("%s: none, errno %d", how, error);
    if (waitpid(child, &status, 0) != child) broken("waitpid");
    say("%s: status %#x, errno %d; handlers %d %d", how, (unsigned)status, error, prepared, in_parent_ran);
}

#define CHILD(call, status) \
    do { \
        errno = 1234; \
        pid_t child = (call); \
        int error = errno; \
        if (child == 0) _exit(error == 1234 ? (status) + in_child_ran : BROKEN); \
        arrived(#call, child, error); \
    } while (0)

static int cloned(void *argument) { return *(int *)argument; }

static char stack[64 * 1024] __attribute__((aligned(16)));

static void forks(void) {
    int number = 21, master = -1;
    char name[64] = "";
    CHILD(fork(), 10);
    CHILD(__fork(), 11);
    CHILD(_Fork(), 12);
    struct termios wanted = {.c_cflag = CS8 | CREAD, .c_cc[VMIN] = 9}, found = {0};
    CHILD(forkpty(&master, name, &wanted, &(struct winsize){.ws_row = 7}), 13);
    say("a terminal %d %d", master >= 0, strncmp(name, "/dev/pts/", 9));
    struct winsize size = {0};
    MUST(ioctl(master, TIOCGWINSZ, &size));
    MUST(tcgetattr(master, &found));
    say("%d rows, %d bytes at least", size.ws_row, found.c_cc[VMIN]);
    CHILD(SYSCALL_FORK(), 14);
    errno = 1234;
    pid_t child = clone(cloned, stack + sizeof stack, SIGCHLD, &number);
    arrived("clone", child, errno);
    TELL(clone(NULL, stack + sizeof stack, SIGCHLD, NULL));
    TELL(clone(cloned, stack + sizeof stack, CLONE_SIGHAND | SIGCHLD, &number));
    TELL(syscall(SYS_close, -1));
    TELL(syscall(SYS_lseek, -1, 1, 2));
    TELL(syscall(-5, 1, 2, 3, 4, 5, 6));
    int file = memfd_create("own", MFD_CLOEXEC);
    TELL(syscall(SYS_pwrite64, file, "abcdef", 4, 4098));
    const char *page = (const char *)syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_SHARED, file, 4096);
    say("%s", page == MAP_FAILED ? "not mapped" : page + 2);
}

/* Its child has no parent any more: it says by a pipe what it is. */
static void daemons(int stay, int keep_streams) {
    int ends[2], status;
    char text[128] = "", folder[64] = "", input[64] = "";
    MUST(pipe(ends));
    pid_t between = fork();
    if (between == 0) {
        MUST(chdir("/tmp"));
        MUST(dup2(ends[1], STDIN_FILENO) != STDIN_FILENO);
        errno = 1234;
        int result = daemon(stay, keep_streams), error = errno;
        if (!getcwd(folder, sizeof folder) || readlink("/proc/self/fd/0", input, 9) <= 0) _exit(BROKEN);
        int length = snprintf(text, sizeof text, "daemon: %d, errno %d, leader %d, in %s, input %d", result, error,
                              getsid(0) == getpid(), folder, is(input, "/dev/null"));
        if (write(ends[1], text, (size_t)length) != length) _exit(BROKEN);
        _exit(FINE);
    }
    if (waitpid(between, &status, 0) != between) broken("waitpid");
    close(ends[1]);
    if (read(ends[0], text, sizeof text - 1) <= 0) broken("the daemon is silent");
    say("%s; status %#x", text, (unsigned)status);
}

/* What a child could share with its parent by mistake: made, refused, and used by a child. */
static void descriptors(void) {
    int ends[2] = {-1, -1}, pair[2], status;
    struct sockaddr_un nowhere = {AF_UNIX, "/nonexistent"};
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET}, found = lock;
    sigset_t none;
    sigemptyset(&none);
    int file = memfd_create("locked", MFD_CLOEXEC), set = epoll_create(1), counter = eventfd(5, EFD_NONBLOCK);
    TELL(epoll_create(0));
    TELL(epoll_create1(EPOLL_CLOEXEC) > 2);
    TELL(epoll_create1(-1));
    TELL(eventfd(0, -1));
    TELL(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC) > 2);
    TELL(timerfd_create(-1, 0));
    TELL(signalfd(-1, &none, SFD_CLOEXEC) > 2);
    TELL(signalfd(counter, &none, 0));
    TELL(pipe(ends));
    TELL(pipe2(ends, O_CLOEXEC));
    TELL(fcntl(ends[1], F_GETFD));
    TELL(pipe2(ends, -1));
    TELL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    TELL(socketpair(AF_UNIX, -1, 0, pair));
    TELL(dup(ends[1]) > 2);
    TELL(dup(-1));
    TELL(dup2(ends[0], ends[0]) == ends[0]);
    TELL(dup2(-1, ends[0]));
    TELL(dup3(ends[1], 60, O_CLOEXEC));
    TELL(fcntl(60, F_GETFD));
    TELL(dup3(ends[1], ends[1], 0));
    TELL(fcntl(ends[1], F_DUPFD_CLOEXEC, 70) >= 70);
    TELL(fcntl(-1, F_DUPFD, 0));
    TELL(connect(pair[0], (struct sockaddr *)&nowhere, sizeof nowhere));
    TELL(fcntl(file, F_SETLK, &lock));
    TELL(fcntl64(file, F_GETLK, &found));
    TELL(fcntl(-1, F_SETFL, O_APPEND));
    TELL(lockf(file, F_TLOCK, 0));
    TELL(lockf64(-1, F_TEST, 1));
    pid_t child = fork();
    if (child == 0) {
        struct epoll_event event = {EPOLLIN, {.u64 = 77}};
        eventfd_t value;
        char text[8] = "";
        TELL(eventfd_read(counter, &value));
        TELL(eventfd_write(counter, 1));
        TELL(value);
        TELL(write(ends[1], "abc", 3));
        TELL(read(ends[0], text, 2));
        TELL(send(pair[0], text, 2, MSG_NOSIGNAL));
        TELL(recv(pair[1], text, sizeof text, 0));
        struct iovec parts[2] = {{"de", 2}, {"f", 1}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        TELL(writev(ends[1], parts, 2));
        TELL(writev(99, parts, 2));
        TELL(read(ends[0], text, 4));
        TELL(sendto(pair[0], text, 3, MSG_NOSIGNAL, NULL, 0));
        TELL(sendmsg(pair[0], &message, MSG_NOSIGNAL));
        TELL(recv(pair[1], text, sizeof text, 0));
        say("%.6s", text);
        TELL(sendto(ends[1], text, 3, 0, NULL, 0));
        TELL(sendmsg(-1, &message, 0));
        TELL(write(ends[1], "a", 1));
        TELL(write(99, "a", 1));
        MUST(close(set));
        set = epoll_create1(0);
        TELL(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event));
        TELL(epoll_wait(set, &event, 1, -1));
        TELL(event.data.u64);
        _exit(FINE);
    }
    if (waitpid(child, &status, 0) != child) broken("waitpid");
    say("the child ended with %#x", (unsigned)status);
}

static void exits(int number) { say("atexit of %d", number); }
static void at_exit(void) { exits(1); }
static void at_quick_exit_(void) { exits(2); }

static void ends(void) {
    void (*const all[])(int) = {exit, _exit, _Exit, quick_exit};
    MUST(atexit(at_exit));
    MUST(at_quick_exit(at_quick_exit_));
    for (int way = 0; way < 4; way++) {
        pid_t child = fork();
        if (child == 0) all[way](30 + way);
        arrived("end", child, 0);
    }
}

static char *const words[] = {"sh", "-c", "echo $0 $1 $OWN; exit $2", "first", "second", "40", NULL};
static char *const variables[] = {"OWN=given", "PATH=/bin:/usr/bin", NULL};

static void runs(int way) {
    switch (way) {
    case 0: execve("/bin/sh", words, variables); break;
    case 1: execv("/bin/sh", words); break;
    case 2: execvp("sh", words); break;
    case 3: execvpe("sh", words, variables); break;
    case 4: execl("/bin/sh", "sh", "-c", words[2], "first", "second", "44", NULL); break;
    case 5: execlp("sh", "sh", "-c", words[2], "first", "second", "45", NULL); break;
    case 6: execle("/bin/sh", "sh", "-c", words[2], "first", "second", "46", NULL, variables); break;
    case 7: fexecve(open("/bin/sh", O_RDONLY), words, variables); break;
    case 8: execveat(open("/bin", O_RDONLY | O_DIRECTORY), "sh", words, variables, 0); break;
    case 9: execveat(open("/bin/sh", O_RDONLY), "", words, variables, AT_EMPTY_PATH); break;
    }
}

static void programs(void) {
    MUST(setenv("OWN", "inherited", 1));
    for (int way = 0; way < 10; way++) {
        say("program %d", way);
        pid_t child = fork();
        if (child == 0) {
            runs(way);
            _exit(BROKEN);
        }
        arrived("program", child, 0);
    }
    TELL(execve("/nonexistent", words, variables));
    TELL(execv("/nonexistent", words));
    TELL(execvp("nonexistent", words));
    TELL(execvpe("nonexistent", words, variables));
    TELL(execl("/nonexistent", "a", NULL));
    TELL(execlp("nonexistent", "a", NULL));
    TELL(execle("/nonexistent", "a", NULL, variables));
    TELL(fexecve(-1, words, variables));
    TELL(execveat(-1, "nonexistent", words, variables, 0));
}

static void settings(void) {
    char name[16] = "";
    TELL(prctl(PR_SET_NAME, "a name", 0, 0, 0));
    TELL(prctl(PR_GET_NAME, name, 0, 0, 0));
    say("the name is %s", name);
    /* Only 1 is a value, and all that follows must be 0. */
    TELL(prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0));
    TELL(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
    TELL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 1, 0));
    TELL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 1));
    TELL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

int main(void) {
    settings();
    descriptors();
    TELL(pthread_atfork(prepares, in_parent, in_child));
    forks();
    daemons(1, 0);
    daemons(0, 1);
    programs();
    ends();
    _exit(FINE);
}
