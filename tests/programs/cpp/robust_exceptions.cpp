/* C++ exceptions pass through what the library has replaced: out of a callback of libc's, out of the initialisation of a static
 * variable, and out of a function that has started threads and forked on the way.
 * expect: unsafe_fork ERROR fork=forks_and_throws locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=keeper
 * count: any
 */
#include "../program.h"
#include <link.h>
#include <stdexcept>
#include <thread>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;
static int result, destroyed;

struct Counted {
    ~Counted() { destroyed++; }
};

static void *keeper(void *unused) {
    MUST(pthread_mutex_lock(&mutex));
    gate_open(&held);
    idle_for_ever();
    return unused;
}

static int throws_in_callback(dl_phdr_info *, size_t, void *) {
    Counted counted;
    throw std::runtime_error("callback");
}

static int throws_at_first(int round) {
    Counted counted;
    if (round < 2) throw std::logic_error("initialiser");
    return round;
}

static int initialised(int round) {
    static int value = throws_at_first(round);
    return value;
}

static void forks_and_throws() {
    Counted counted;
    pid_t child = fork();
    if (child == 0) {
        try {
            throw std::range_error("child");
        } catch (const std::range_error &) {
            _exit(FINE);
        }
    }
    result |= verdict(child);
    throw std::range_error("parent");
}

int main() {
    gate_make(&held);
    start("keeper", keeper, nullptr);
    gate_pass(&held);
    int caught = 0;
    for (int round = 0; round < 5; round++) {
        try {
            dl_iterate_phdr(throws_in_callback, nullptr);
        } catch (const std::runtime_error &) {
            caught++;
        }
        try {
            if (initialised(round) != 2) broken("initialised");
        } catch (const std::logic_error &) {
            caught++;
        }
        std::thread thread([&caught] {
            try {
                throw 7;
            } catch (int) {
                caught++;
            }
        });
        thread.join();
    }
    try {
        forks_and_throws();
    } catch (const std::range_error &) {
        caught++;
    }
    say("caught %d destroyed %d", caught, destroyed);
    if (caught != 13 || destroyed != 9) broken("an exception was lost");
    return result;
}
