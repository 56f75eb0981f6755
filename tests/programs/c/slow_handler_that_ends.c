/* An at-fork handler joins a thread, or asks for a mutex of a thread, that works for three seconds: hand in hand with another one, so
 * that at each moment it waits for a word, and for none for long. fork returns, and nothing hangs.
 * expect: slow_handler WARN phase=prepare library=*slow_handler_that_ends
 * expect: slow_handler WARN phase=prepare library=*slow_handler_that_ends
 * suppress: slow_handler:slow_handler_that_ends
 * bare: 0
 * runs: {join,held_by_other}
 */
#include "../program.h"

enum { SECONDS = 3, PAUSE = 50 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, desk = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t passed = PTHREAD_COND_INITIALIZER;
static struct gate up;
static pthread_t worker;
static const char *how;
static int words_passed;

static void prepare(void) {
    if (is(how, "join")) MUST(pthread_join(worker, NULL));
    else MUST(pthread_mutex_lock(&mutex));
}

static void release(void) {
    if (is(how, "held_by_other")) MUST(pthread_mutex_unlock(&mutex));
}

/* Passes a word from time to time, and needs no word itself. */
static void *clerk(void *unused) {
    for (int word = 0; word < SECONDS * 1000 / PAUSE; word++) {
        pause_milliseconds(PAUSE);
        MUST(pthread_mutex_lock(&desk));
        words_passed++;
        MUST(pthread_cond_signal(&passed));
        MUST(pthread_mutex_unlock(&desk));
    }
    return unused;
}

static void *works(void *unused) {
    if (is(how, "held_by_other")) MUST(pthread_mutex_lock(&mutex));
    gate_open(&up);
    MUST(pthread_mutex_lock(&desk));
    while (words_passed < SECONDS * 1000 / PAUSE) MUST(pthread_cond_wait(&passed, &desk));
    MUST(pthread_mutex_unlock(&desk));
    if (is(how, "held_by_other")) MUST(pthread_mutex_unlock(&mutex));
    return unused;
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "join";
    gate_make(&up);
    MUST(pthread_atfork(prepare, release, release));
    worker = start("worker", works, NULL);
    pthread_t other = start("clerk", clerk, NULL);
    gate_pass(&up);
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    MUST(pthread_join(other, NULL));
    if (is(how, "held_by_other")) MUST(pthread_join(worker, NULL));
    return status == 0 ? FINE : BROKEN;
}
