/* Semaphores that signal instead of excluding: made with 0; made with 1 but posted by a thread that did not take it; a
 * bounded buffer, whose producer takes what its consumer posts. Nobody holds them.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=0
 * runs: {zero,posted_by_another,bounded_buffer}
 */
#include "../program.h"

static sem_t first, second;
static struct gate ready, never;
static const char *how;

/* Takes what only another thread posts, and never posts itself. */
static void *taker(void *unused) {
    for (int round = 0; round < 3; round++) {
        MUST(sem_wait(&first));
        gate_open(&ready);
    }
    gate_pass(&never);
    return unused;
}

static void *producer(void *unused) {
    for (int item = 0; item < 10; item++) {
        MUST(sem_wait(&first));
        MUST(sem_post(&second));
    }
    gate_open(&ready);
    gate_pass(&never);
    return unused;
}

static void *consumer(void *unused) {
    for (int item = 0; item < 9; item++) {
        MUST(sem_wait(&second));
        MUST(sem_post(&first));
    }
    gate_open(&ready);
    gate_pass(&never);
    return unused;
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "zero";
    gate_make(&ready);
    gate_make(&never);
    MUST(sem_init(&first, 0, !is(how, "zero")));
    MUST(sem_init(&second, 0, 0));
    if (is(how, "bounded_buffer")) {
        start("producer", producer, NULL);
        start("consumer", consumer, NULL);
        gate_pass(&ready);
        gate_pass(&ready);
    } else {
        start("taker", taker, NULL);
        for (int take = 0; take < 3; take++) {
            if (take > 0 || is(how, "zero")) MUST(sem_post(&first));
            gate_pass(&ready);
        }
    }
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}
