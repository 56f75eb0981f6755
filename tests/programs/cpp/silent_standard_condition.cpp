/* A std::mutex is released while its thread waits on a std::condition_variable, with and without a time-out.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=0 threads=2
 */
#include "../program.h"
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

static std::mutex mutex;
/* Never destroyed: that would wait for its waiters. */
static std::condition_variable &condition = *new std::condition_variable;
static struct gate ready;

static void waits() {
    std::unique_lock<std::mutex> lock(mutex);
    gate_open(&ready);
    condition.wait(lock, [] { return false; });
}

static void waits_for_an_hour() {
    std::unique_lock<std::mutex> lock(mutex);
    gate_open(&ready);
    condition.wait_for(lock, std::chrono::hours(1), [] { return false; });
}

int main() {
    gate_make(&ready);
    std::thread(waits).detach();
    std::thread(waits_for_an_hour).detach();
    gate_pass(&ready);
    gate_pass(&ready);
    /* Whoever gets this mutex knows that both threads wait. */
    { std::lock_guard<std::mutex> lock(mutex); }
    pid_t child = fork();
    if (child == 0) {
        { std::lock_guard<std::mutex> lock(mutex); }
        _exit(FINE);
    }
    return verdict(child);
}
