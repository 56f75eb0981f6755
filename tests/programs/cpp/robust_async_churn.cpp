/* Three threads call std::async all the time while others fork: each call must return its own number.
 * expect: at-most ERROR
 * suppress: unsafe_fork:*
 */
#include "../program.h"
#include <atomic>
#include <future>
#include <thread>
#include <vector>

static const int FORKS = 100, LEAST_ROUNDS = 400, AT_ONCE = 4;
static std::atomic<bool> stop;
static std::atomic<int> wrong, rounds[3];

static void caller(int number) {
    while (!stop) {
        int first = rounds[number]++ * AT_ONCE * 3 + number * AT_ONCE;
        std::vector<std::future<int>> calls;
        for (int call = 0; call < AT_ONCE; call++)
            calls.push_back(std::async(std::launch::async, [](int a, int b) { return a + b; }, first, call));
        for (int call = 0; call < AT_ONCE; call++)
            if (calls[call].get() != first + call) wrong++;
    }
}

int main() {
    std::vector<std::thread> callers;
    for (int number = 0; number < 3; number++) callers.emplace_back(caller, number);
    auto enough = [] { return rounds[0] >= LEAST_ROUNDS && rounds[1] >= LEAST_ROUNDS && rounds[2] >= LEAST_ROUNDS; };
    for (int round = 0; round < FORKS || !enough(); round++) {
        int status;
        pid_t child = fork();
        if (child == 0) _exit(FINE);
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
    }
    stop = true;
    for (auto &thread : callers) thread.join();
    say("%d calls gave another's number", wrong.load());
    return wrong ? BROKEN : FINE;
}
