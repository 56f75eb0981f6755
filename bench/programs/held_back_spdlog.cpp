// Forks beside threads that write to one spdlog sink all the time; each child writes to it, too. Prints, and ends,
// as held_back.c does.
//
// usage: held_back_spdlog THREADS FORKS
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

int main(int words, char **word) {
    if (words < 3) return 2;
    int threads = atoi(word[1]), forks = atoi(word[2]), stuck = 0;
    bool until_stuck = getenv("UNTIL_STUCK") != nullptr;
    auto logger = spdlog::basic_logger_mt("held back", "/dev/null");
    logger->flush_on(spdlog::level::info);
    for (int number = 0; number < threads; number++) {
        std::thread([logger] {
            for (;;) logger->info("a line of a thread");
        }).detach();
    }
    usleep(20000);
    std::vector<double> taken;
    for (int number = 0; number < forks && !(stuck && until_stuck); number++) {
        auto before = std::chrono::steady_clock::now();
        pid_t child = fork();
        if (child == 0) {
            // A child that is stuck is ended by its alarm.
            alarm(5);
            logger->info("a line of the child");
            _exit(0);
        }
        taken.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - before).count());
        int status;
        if (child < 0 || waitpid(child, &status, 0) != child) return 2;
        stuck += WIFSIGNALED(status);
    }
    std::sort(taken.begin(), taken.end());
    size_t count = taken.size();
    printf("{\"forks\":%d,\"stuck\":%d,\"fork_us\":[%.1f,%.1f,%.1f]}\n", (int)count, stuck, taken[count / 2], taken[count * 99 / 100],
           taken[count - 1]);
    fflush(stdout);
    _exit(0);
}
