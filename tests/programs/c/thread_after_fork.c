/* H4: the child of a threaded process creates a thread of its own, which POSIX does not allow before exec.
 * expect: unsafe_fork WARN threads=1
 * expect: thread_after_fork WARN call=$1 in=begin_again library=thread_after_fork same_fork=yes
 * suppress: unsafe_fork:main
 * suppress: thread_after_fork:begin_again
 * bare: 0
 * runs: {pthread_create,thrd_create}
 */
#include "../program.h"
#include <threads.h>

static struct gate up;

static void *worker(void *unused) {
    (void)unused;
    gate_open(&up);
    idle_for_ever();
}

static void *nothing(void *unused) { return unused; }

static int nothing_c11(void *unused) { return unused != NULL; }

static void begin_again(const char *call) {
    pthread_t thread;
    thrd_t c11_thread;
    /* Once for each place, however often it is passed. */
    for (int times = 0; times < 2; times++) {
        if (is(call, "pthread_create")) {
            MUST(pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL));
        } else {
            MUST(thrd_create(&c11_thread, nothing_c11, NULL) != thrd_success);
            MUST(thrd_join(c11_thread, NULL) != thrd_success);
        }
    }
    _exit(FINE);
}

int main(int count, char **words) {
    gate_make(&up);
    start("worker", worker, NULL);
    gate_pass(&up);
    pid_t child = fork();
    if (child == 0) begin_again(count > 1 ? words[1] : "pthread_create");
    return verdict(child);
}
