/* H13: spdlog's asynchronous loggers put messages into a queue that a thread of the parent empties. In the child nobody does: when
 * the queue is full, it waits for ever.
 * needs: spdlog
 * expect: unsafe_fork WARN locks=0 threads=1
 * expect: stuck_child FATAL call=pthread_cond_wait object=condition in=log_much same_fork=yes
 * suppress: unsafe_fork:main
 * allow: possible_deadlock ERROR
 * suppress: stuck_child:log_much
 * suppress: possible_deadlock:log_much
 */
#include "../program.h"
#include <spdlog/async.h>
#include <spdlog/sinks/null_sink.h>

__attribute__((noinline)) static void log_much(spdlog::logger &logger) {
    for (int line = 0; line < 3; line++) logger.info("line {}", line);
}

int main() {
    spdlog::init_thread_pool(1, 1);
    auto logger = spdlog::create_async<spdlog::sinks::null_sink_mt>("queue");
    /* The worker is asleep again when this has been written. */
    logger->info("before");
    while (spdlog::thread_pool()->queue_size() != 0) pause_milliseconds(1);
    pid_t child = fork();
    if (child == 0) {
        log_much(*logger);
        _exit(FINE);
    }
    int end = verdict(child);
    fflush(stdout);
    _exit(end);
}
