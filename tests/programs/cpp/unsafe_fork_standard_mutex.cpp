/* H1, H2: each of the standard library's mutexes, taken in each way, is held by another thread at the fork. The child asks
 * for it and can never go on.
 * expect: unsafe_fork ERROR function=fork fork=main locks=1 threads=1
 * with: lock=$2 name=bank::$3 owner=keeper acquired=vault_open
 * with: thread=keeper created=main
 * expect: orphaned_lock FATAL name=bank::$3 owner=keeper in=main blocking=true same_fork=yes
 * suppress: unsafe_fork:vault_open*
 * suppress: orphaned_lock:*
 * runs: mutex mutex plain
 * runs: recursive_mutex mutex recursive
 * runs: timed_mutex mutex timed
 * runs: timed_mutex_for mutex timed
 * runs: timed_mutex_until mutex timed
 * runs: shared_mutex_shared rwlock_read shared
 * runs: shared_mutex_unique rwlock_write shared
 * runs: shared_timed_mutex_shared rwlock_read shared_timed
 * runs: shared_timed_mutex_unique rwlock_write shared_timed
 */
#include "../program.h"
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>

namespace bank {
static std::mutex plain;
static std::recursive_mutex recursive;
static std::timed_mutex timed;
static std::shared_mutex shared;
static std::shared_timed_mutex shared_timed;
}
using namespace bank;
static struct gate held;

static void vault_open(const std::string &how) {
    using namespace std::chrono_literals;
    if (how == "mutex") plain.lock();
    if (how == "recursive_mutex") recursive.lock();
    if (how == "timed_mutex") timed.lock();
    if (how == "timed_mutex_for") MUST(!timed.try_lock_for(1h));
    if (how == "timed_mutex_until") MUST(!timed.try_lock_until(std::chrono::system_clock::now() + 1h));
    if (how == "shared_mutex_shared") shared.lock_shared();
    if (how == "shared_mutex_unique") shared.lock();
    if (how == "shared_timed_mutex_shared") MUST(!shared_timed.try_lock_shared_for(1h));
    if (how == "shared_timed_mutex_unique") MUST(!shared_timed.try_lock_for(1h));
}

static void ask_for(const std::string &how) {
    if (how == "mutex") plain.lock();
    if (how == "recursive_mutex") recursive.lock();
    if (how.rfind("timed_mutex", 0) == 0) timed.lock();
    if (how.rfind("shared_mutex", 0) == 0) shared.lock();
    if (how.rfind("shared_timed_mutex", 0) == 0) shared_timed.lock();
}

int main(int count, char **words) {
    const std::string how = count > 1 ? words[1] : "mutex";
    gate_make(&held);
    std::thread keeper([&how] {
        MUST(pthread_setname_np(pthread_self(), "keeper"));
        vault_open(how);
        gate_open(&held);
        idle_for_ever();
    });
    keeper.detach();
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        ask_for(how);
        _exit(FINE);
    }
    return verdict(child);
}
