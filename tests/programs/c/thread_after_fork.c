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

static struct gate up, done;

static void *worker(void *unused) {
    (void)unused;
    gate_open(&up);
    idle_for_ever();
}

static void *nothing(void *unused) {
    gate_open(&done);
    return unused;
}

static int nothing_c11(void *unused) {
    gate_open(&done);
    return unused != NULL;
}

static void begin_again(const char *call) {
    pthread_t thread;
    thrd_t c11_thread;
    /* Once for each place, however often it is passed. */
    for (int times = 0; times < 2; times++) {
        if (is(call, "pthread_create")) {
            MUST(pthread_create(&thread, NULL, nothing, NULL) || pthread_detach(thread));
        } else {
            MUST(thrd_create(&c11_thread, nothing_c11, NULL) != thrd_success);
            MUST(thrd_detach(c11_thread) != thrd_success);
        }
        /* Not joined: who looks from outside must not see a wait. */
        gate_pass(&done);
    }
    _exit(FINE);
}

int main(int count, char **words) {
    gate_make(&up);
    gate_make(&done);
    start("worker", worker, NULL);
    gate_pass(&up);
    pid_t child = fork();
    if (child == 0) begin_again(count > 1 ? words[1] : "pthread_create");
    return verdict(child);
}
