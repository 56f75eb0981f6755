/* What every C and C++ test program needs: gates that order threads without sleeping, named threads, and the verdict on a
 * forked child. Nothing here passes through a function that the library hooks, but for pthread_create. */
#ifndef PROGRAM_H
#define PROGRAM_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Exit codes that the runner knows. */
enum { FINE = 0, REALISED = 3, BROKEN = 5, SKIPPED = 77 };

/* A line on standard output in one write: no buffer that a fork could double. */
__attribute__((unused, format(printf, 1, 2))) static void say(const char *format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    line[length++] = '\n';
    if (write(STDOUT_FILENO, line, (size_t)length) != length) _exit(BROKEN);
}

/* Ends the program because something that cannot fail did. */
__attribute__((unused, noreturn)) static void broken(const char *what) {
    char line[256];
    int length = snprintf(line, sizeof line, "broken: %s (errno %d)\n", what, errno);
    if (write(STDERR_FILENO, line, (size_t)length) < 0) _exit(BROKEN + 1);
    _exit(BROKEN);
}

/* A fork by its number. Processors newer than x86-64 have a number for clone only. */
#ifdef SYS_fork
#define SYSCALL_FORK() ((pid_t)syscall(SYS_fork))
#else
#define SYSCALL_FORK() ((pid_t)syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L))
#endif

#define MUST(call) do { if ((call) != 0) broken(#call); } while (0)

/* A pipe as a gate: each `gate_open` lets one `gate_pass` through, in whichever process. */
struct gate { int ends[2]; };

/* The end to write to is a duplicate that the library does not see made: a thread that opens a gate tells it nothing. */
__attribute__((unused)) static void gate_make(struct gate *gate) {
    MUST(pipe2(gate->ends, O_CLOEXEC));
    int duplicate = (int)syscall(SYS_fcntl, gate->ends[1], F_DUPFD_CLOEXEC, 200);
    if (duplicate < 0) broken("gate_make");
    close(gate->ends[1]);
    gate->ends[1] = duplicate;
}

__attribute__((unused)) static void gate_open(struct gate *gate) {
    if (write(gate->ends[1], "", 1) != 1) broken("gate_open");
}

__attribute__((unused)) static void gate_pass(struct gate *gate) {
    char byte;
    ssize_t got;
    while ((got = read(gate->ends[0], &byte, 1)) < 0 && errno == EINTR) {}
    if (got != 1) broken("gate_pass");
}

/* Waits for ever, without a lock and without a hook. */
__attribute__((unused, noreturn)) static void idle_for_ever(void) { for (;;) pause(); }

/* A small stack, of the size that every processor's libc allows. */
#define SMALL_STACK ((size_t)(64 * 1024 < PTHREAD_STACK_MIN ? PTHREAD_STACK_MIN : 64 * 1024))

/* Starts a thread under a name. */
__attribute__((unused)) static pthread_t start(const char *name, void *(*routine)(void *), void *argument) {
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, routine, argument));
    /* A thread that has already ended needs no name. */
    int result = pthread_setname_np(thread, name);
    if (result != 0 && result != ENOENT && result != ESRCH) broken("pthread_setname_np");
    return thread;
}

__attribute__((unused)) static struct timespec in_an_hour(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += 3600;
    return now;
}

__attribute__((unused)) static void pause_milliseconds(long milliseconds) {
    struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* Reads a file of /proc whole. */
__attribute__((unused)) static int read_text(const char *path, char *text, size_t size) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t got = read(file, text, size - 1);
    close(file);
    text[got < 0 ? 0 : got] = 0;
    return got < 0 ? -1 : 0;
}

/* Whether a task (PID or PID/task/TID) waits on a futex without a time-out. */
__attribute__((unused)) static int waits_for_ever(const char *task) {
    char path[96], text[256];
    snprintf(path, sizeof path, "/proc/%s/syscall", task);
    unsigned long number, address, operation, value, timeout;
    return read_text(path, text, sizeof text) == 0 &&
           sscanf(text, "%lu %lx %lx %lx %lx", &number, &address, &operation, &value, &timeout) == 5 &&
           number == SYS_futex && timeout == 0;
}

/* How many times slower than usual programs run, where an emulator runs them. */
__attribute__((unused)) static unsigned long slowness(void) {
    const char *text = getenv("TEST_SLOWNESS");
    return text ? strtoul(text, NULL, 10) : 1;
}

/* Whether a process has burnt a fifth of a second of processor time: it spins. */
__attribute__((unused)) static int spins(pid_t process) {
    char path[64], text[1024];
    unsigned long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    if (read_text(path, text, sizeof text) != 0) return 0;
    const char *rest = strrchr(text, ')');
    return rest && sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) == 2 &&
           (user + kernel) * 5 > slowness() * (unsigned long)sysconf(_SC_CLK_TCK);
}

/* Sees the child to its end. FINE: it ended with 0. REALISED, the hazard: it waits, alone and without a time-out, for what
 * nobody will give (then it is killed), or libc gave up on it. Looking again and again orders nothing: it only notices. How long
 * that may take is for the runner to say, which shows what a child does that neither ends nor gets stuck. */
__attribute__((unused)) static int verdict(pid_t child) {
    char task[32];
    int status;
    if (child < 0) broken("fork");
    snprintf(task, sizeof task, "%d", (int)child);
    for (;;) {
        pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child) {
            if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return say("child: fine"), FINE;
            if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) return say("child: aborted"), REALISED;
            return say("child: ended with status %#x", (unsigned)status), BROKEN;
        }
        if (ended < 0 && errno != EINTR) broken("waitpid");
        if (waits_for_ever(task) || spins(child)) {
            kill(child, SIGKILL);
            while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
            return say("child: stuck"), REALISED;
        }
        pause_milliseconds(2);
    }
}

/* The same for a child that waits in a loop of waits with a time-out: stuck is one that has blocked this often. */
__attribute__((unused)) static int verdict_on_loop(pid_t child) {
    enum { OFTEN = 60 };
    char path[32], text[4096];
    int status;
    if (child < 0) broken("fork");
    snprintf(path, sizeof path, "/proc/%d/status", (int)child);
    for (;;) {
        pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child) return say("child: status %#x", (unsigned)status), status == 0 ? FINE : BROKEN;
        const char *blocked = read_text(path, text, sizeof text) == 0 ? strstr(text, "\nvoluntary_ctxt_switches:") : NULL;
        if (blocked && atoi(strchr(blocked, ':') + 1) >= OFTEN) {
            kill(child, SIGKILL);
            while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
            return say("child: stuck"), REALISED;
        }
        pause_milliseconds(2);
    }
}

/* The one child of a thread of this process, for whom its `fork` has not come back yet; 0 while there is none. */
__attribute__((unused)) static pid_t child_of(pid_t thread) {
    char path[64], text[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)thread);
    return read_text(path, text, sizeof text) == 0 ? (pid_t)atoi(text) : 0;
}

/* For a thread of its own, where the parent waits for its child inside the call that forks: sees that the main thread's
 * child gets stuck, and ends the program with the verdict. */
__attribute__((unused, noreturn)) static void *watch_from_aside(void *unused) {
    (void)unused;
    char task[32];
    for (;;) {
        pid_t child = child_of(getpid());
        snprintf(task, sizeof task, "%d", (int)child);
        if (child > 0 && waits_for_ever(task)) {
            kill(child, SIGKILL);
            say("child: stuck");
            _exit(REALISED);
        }
        pause_milliseconds(2);
    }
}

/* Whether two words are the same. */
__attribute__((unused)) static int is(const char *word, const char *other) { return strcmp(word, other) == 0; }
#endif
