/* The child joins, or asks whether it could join, a thread of the parent. It looks like a wait for a lost thread, but glibc's
 * fork marks every other thread as ended in the child, so that the call comes back at once. (musl would wait for ever.)
 * expect: at-most WARN
 * expect: unsafe_fork WARN function=fork fork=main locks=0 threads=1
 * runs: {pthread,try,c11}
 */
#include "../program.h"
#include <threads.h>

static struct gate ready;

static void *worker(void *unused) {
    (void)unused;
    gate_open(&ready);
    idle_for_ever();
}

static void join_worker(pthread_t thread, const char *how) {
    if (is(how, "pthread")) pthread_join(thread, NULL);
    if (is(how, "try")) pthread_tryjoin_np(thread, NULL);
    if (is(how, "c11")) thrd_join((thrd_t)thread, NULL);
}

int main(int count, char **words) {
    const char *how = count > 1 ? words[1] : "pthread";
    gate_make(&ready);
    pthread_t thread = start("worker", worker, NULL);
    gate_pass(&ready);
    pid_t child = fork();
    if (child == 0) {
        join_worker(thread, how);
        _exit(FINE);
    }
    return verdict(child);
}
