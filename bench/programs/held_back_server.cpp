// A server under load forks a helper for some of its requests: an acceptor, workers that keep a cache and a journal, and a process
// that asks all the time. Each helper looks into the cache and writes to the journal. Prints, and ends, as held_back.c does.
//
// usage: held_back_server WORKERS FORKS
#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

static std::mutex queue_mutex, journal_mutex;
static std::condition_variable filled;
static std::deque<int> queue;
static std::shared_mutex cache_mutex;
static std::map<std::string, int> cache;
static FILE *journal;

// What a request needs, in a worker and in a helper.
static void answer(int number) {
    std::string key = "page " + std::to_string(number % 500);
    bool is_known;
    {
        std::shared_lock reading(cache_mutex);
        is_known = cache.count(key) != 0;
    }
    if (!is_known || number % 4 == 0) {
        std::unique_lock writing(cache_mutex);
        cache[key] = number;
    }
    std::lock_guard writing(journal_mutex);
    fprintf(journal, "%s\n", key.c_str());
    fflush(journal);
}

static void work() {
    for (int number = 0;; number++) {
        int connection;
        {
            std::unique_lock waiting(queue_mutex);
            filled.wait(waiting, [] { return !queue.empty(); });
            connection = queue.front();
            queue.pop_front();
        }
        char request[16];
        while (read(connection, request, sizeof request) > 0) {
            for (int part = 0; part < 20; part++) answer(number += 1);
            if (write(connection, "done", 4) != 4) break;
        }
        close(connection);
    }
}

static void accept_all(int listener) {
    for (;;) {
        int connection = accept(listener, nullptr, nullptr);
        if (connection < 0) continue;
        std::lock_guard adding(queue_mutex);
        queue.push_back(connection);
        filled.notify_one();
    }
}

// The clients: as many connections as there are workers, each used for a few requests.
static void ask(const sockaddr_in &address, int connections) {
    signal(SIGPIPE, SIG_IGN);
    for (int number = 0; number < connections; number++) {
        std::thread([address] {
            for (;;) {
                int connection = socket(AF_INET, SOCK_STREAM, 0);
                if (connect(connection, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0) {
                    char reply[4];
                    for (int times = 0; times < 50; times++) {
                        if (write(connection, "ask", 3) != 3 || read(connection, reply, sizeof reply) <= 0) break;
                    }
                }
                close(connection);
            }
        }).detach();
    }
    for (;;) pause();
}

int main(int words, char **word) {
    if (words < 3) return 2;
    int workers = atoi(word[1]), forks = atoi(word[2]), stuck = 0;
    bool until_stuck = getenv("UNTIL_STUCK") != nullptr;
    signal(SIGPIPE, SIG_IGN);
    journal = fopen("/dev/null", "w");
    sockaddr_in address{};
    socklen_t size = sizeof address;
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto *bound = reinterpret_cast<sockaddr *>(&address);
    if (bind(listener, bound, size) != 0 || listen(listener, 100) != 0 || getsockname(listener, bound, &size) != 0) return 2;
    pid_t client = fork();
    if (client == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(listener);
        ask(address, workers);
    }
    for (int number = 0; number < workers; number++) std::thread(work).detach();
    std::thread(accept_all, listener).detach();
    usleep(50000);
    std::vector<double> taken;
    for (int number = 0; number < forks && !(stuck && until_stuck); number++) {
        auto before = std::chrono::steady_clock::now();
        pid_t child = fork();
        if (child == 0) {
            // A child that is stuck is ended by its alarm.
            alarm(5);
            answer(number);
            _exit(0);
        }
        taken.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - before).count());
        int status;
        if (child < 0 || waitpid(child, &status, 0) != child) return 2;
        stuck += WIFSIGNALED(status);
    }
    kill(client, SIGKILL);
    waitpid(client, nullptr, 0);
    std::sort(taken.begin(), taken.end());
    size_t count = taken.size();
    printf("{\"forks\":%d,\"stuck\":%d,\"fork_us\":[%.1f,%.1f,%.1f]}\n", (int)count, stuck, taken[count / 2],
           taken[count * 99 / 100], taken[count - 1]);
    fflush(stdout);
    _exit(0);
}
