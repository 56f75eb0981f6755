/* H11: another thread is inside the initialiser of a local static at the fork. The child needs the same static and can never
 * go on: nobody there will finish it.
 * expect: unsafe_fork ERROR locks=1 threads=1
 * with: lock=static_guard owner=keeper acquired=vault
 * expect: orphaned_lock FATAL call=__cxa_guard_acquire lock=static_guard owner=keeper in=vault blocking=true same_fork=yes
 * suppress: *:vault
 */
#include "../program.h"

static struct gate inside;

struct Vault {
    Vault() {
        gate_open(&inside);
        idle_for_ever();
    }
};

static Vault &vault() {
    static Vault only;
    return only;
}

static void *keeper(void *) {
    vault();
    return nullptr;
}

int main() {
    gate_make(&inside);
    start("keeper", keeper, nullptr);
    gate_pass(&inside);
    pid_t child = fork();
    if (child == 0) {
        vault();
        _exit(FINE);
    }
    return verdict(child);
}
