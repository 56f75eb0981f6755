/* A thread is cancelled inside a hooked wait: the unwinding passes through the hook and runs the destructors of the C++
 * frames above it, which release what they hold.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
 */
#include "../program.h"
#include <mutex>

static std::mutex mutex;
static pthread_mutex_t other = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static struct gate ready;
static int destroyed;

struct Counted {
    ~Counted() { destroyed++; }
};

struct Unlocks {
    ~Unlocks() { pthread_mutex_unlock(&other); }
};

static void *blocker(void *unused) {
    Counted counted;
    std::lock_guard<std::mutex> lock(mutex);
    MUST(pthread_mutex_lock(&other));
    Unlocks unlocks;
    gate_open(&ready);
    for (;;) pthread_cond_wait(&condition, &other);
    return unused;
}

static void *idler(void *unused) {
    gate_open(&ready);
    idle_for_ever();
    return unused;
}

int main() {
    gate_make(&ready);
    pthread_t thread = start("blocker", blocker, nullptr);
    gate_pass(&ready);
    /* Whoever gets this mutex knows that the thread waits. */
    MUST(pthread_mutex_lock(&other));
    MUST(pthread_mutex_unlock(&other));
    MUST(pthread_cancel(thread));
    MUST(pthread_join(thread, nullptr));
    { std::lock_guard<std::mutex> lock(mutex); }
    say("destroyed %d", destroyed);
    start("idler", idler, nullptr);
    gate_pass(&ready);
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}
