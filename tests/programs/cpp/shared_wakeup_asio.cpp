/* H6: an io_context of Asio runs in a thread. A child posts to its copy without notify_fork(): Asio wakes its loop by arming a descriptor
 * of the inherited epoll set anew, so the parent's loop wakes up, and finds nothing to do.
 * expect: unsafe_fork
 * expect: shared_wakeup ERROR call=epoll_ctl fd_type=epoll parent_tids=1 in=main
 * suppress: *:*
 */
#include "../program.h"
#if __has_include(<asio.hpp>)
#include <asio.hpp>
#include <thread>

static asio::io_context loop;
static pid_t thread;

/* How often the thread has gone to sleep of its own accord: once for each time that it woke up. */
static long sleeps(void) {
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/self/task/%d/status", thread);
    MUST(read_text(path, text, sizeof text) != 0);
    return atol(strstr(text, "\nvoluntary_ctxt_switches:") + sizeof "\nvoluntary_ctxt_switches:");
}

static void wait_until_it_polls(void) {
    char path[64], text[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", thread);
    while (read_text(path, text, sizeof text) != 0 || (atoi(text) != SYS_epoll_wait && atoi(text) != SYS_epoll_pwait)) {
        pause_milliseconds(1);
    }
}

int main() {
    struct gate up;
    gate_make(&up);
    /* What waits for a descriptor or a time makes the loop poll, and keeps it running. */
    asio::steady_timer timer(loop, std::chrono::hours(1));
    timer.async_wait([](const asio::error_code &) {});
    std::thread runner([&up] {
        thread = gettid();
        gate_open(&up);
        loop.run();
    });
    gate_pass(&up);
    wait_until_it_polls();
    const long before = sleeps();
    pid_t child = fork();
    if (child == 0) {
        asio::post(loop, [] {});
        _exit(FINE);
    }
    int status;
    MUST(waitpid(child, &status, 0) != child);
    MUST(status);
    while (sleeps() == before) pause_milliseconds(1);
    say("the parent's loop woke up");
    _exit(REALISED);
}
#else
int main() {
    say("skipped: Asio's headers are not installed");
    return SKIPPED;
}
#endif
