/* A local static that is finished, one that threw and was given up, and one that only the child initialises: nobody is inside
 * any of them at the fork.
 * expect: at-most WARN
 * expect: unsafe_fork WARN function=fork fork=main locks=0 threads=1
 */
#include "../program.h"

static struct gate ready;
static int attempts;

struct may_throw {
    may_throw() {
        if (attempts++ == 0) throw 1;
    }
    int value = 1;
};

static int finished() {
    static may_throw all;
    return all.value;
}

static int fresh() {
    static may_throw all;
    return all.value;
}

static void *idler(void *) {
    try {
        finished();
    } catch (int) {
        gate_open(&ready);
    }
    idle_for_ever();
}

int main() {
    gate_make(&ready);
    start("idler", idler, nullptr);
    gate_pass(&ready);
    pid_t child = fork();
    if (child == 0) _exit(finished() == 1 && fresh() == 1 ? FINE : BROKEN);
    return verdict(child);
}
