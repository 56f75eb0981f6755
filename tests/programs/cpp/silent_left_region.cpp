/* A call into libc that holds one of its locks is left by an exception of a callback: libc gives the lock back, and no hook
 * sees the call return. The thread then waits elsewhere, or ends.
 * expect: at-most WARN
 * runs: {waits,ends}
 */
#include "../program.h"
#include <link.h>

static struct gate left_it;
static bool ends;

static int leave(struct dl_phdr_info *, size_t, void *) { throw 1; }

static void *worker(void *) {
    try {
        dl_iterate_phdr(leave, nullptr);
    } catch (int) {
    }
    if (ends) return nullptr;
    gate_open(&left_it);
    idle_for_ever();
}

static void *idler(void *) {
    gate_open(&left_it);
    idle_for_ever();
}

static int count_objects(struct dl_phdr_info *, size_t, void *count) { return ++*static_cast<int *>(count), 0; }

int main(int count, char **words) {
    ends = count > 1 && is(words[1], "ends");
    gate_make(&left_it);
    pthread_t thread = start("worker", worker, nullptr);
    if (ends) {
        MUST(pthread_join(thread, nullptr));
        start("idler", idler, nullptr);
    }
    gate_pass(&left_it);
    pid_t child = fork();
    if (child == 0) {
        int objects = 0;
        dl_iterate_phdr(count_objects, &objects);
        _exit(objects > 0 ? FINE : BROKEN);
    }
    return verdict(child);
}
