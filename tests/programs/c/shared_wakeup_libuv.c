/* H6: libuv's loop runs in a thread. A child sends to its copy without uv_loop_fork(): the parent's loop wakes up, and finds
 * nothing to do.
 * needs: libuv
 * expect: unsafe_fork
 * expect: shared_wakeup ERROR call=write fd_type=eventfd parent_tids=1 in=uv_async_send
 * suppress: *:*
 */
#include "../program.h"
#include <uv.h>

static uv_loop_t loop;
static uv_async_t async;
static uv_check_t check;
static struct gate up, woken;
static pid_t thread;

static void is_sent(uv_async_t *unused) { (void)unused; }

/* After each wait of the loop. */
static void is_awake(uv_check_t *unused) {
    (void)unused;
    gate_open(&woken);
}

static void *run(void *unused) {
    thread = gettid();
    gate_open(&up);
    uv_run(&loop, UV_RUN_DEFAULT);
    return unused;
}

/* Returns when the loop's thread waits in the kernel for events. */
static void wait_until_it_polls(void) {
    char path[64], text[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", thread);
    while (read_text(path, text, sizeof text) != 0 || (atoi(text) != SYS_epoll_wait && atoi(text) != SYS_epoll_pwait)) {
        pause_milliseconds(1);
    }
}

int main(void) {
    gate_make(&up);
    gate_make(&woken);
    MUST(uv_loop_init(&loop) || uv_async_init(&loop, &async, is_sent));
    MUST(uv_check_init(&loop, &check) || uv_check_start(&check, is_awake));
    start("loop", run, NULL);
    gate_pass(&up);
    wait_until_it_polls();
    pid_t child = fork();
    if (child == 0) {
        uv_async_send(&async);
        _exit(FINE);
    }
    int status;
    MUST(waitpid(child, &status, 0) != child);
    MUST(status);
    gate_pass(&woken);
    say("the parent's loop woke up");
    _exit(REALISED);
}
