/* A thread with a pending cancellation forks, in each way, and makes a thread in the child of one: neither is a cancellation
 * point, so the thread goes on, up to one of its own. An at-fork handler that is one ends the thread inside of `fork`,
 * or jumps out of it: the forks that follow, of other threads, too, are not held up.
 * expect: at-most WARN
 * allow: unsafe_fork WARN
 * allow: thread_after_fork
 * records: maybe
 * runs: {fork,_Fork,syscall,daemon_child,create_in_child,handler_prepare,handler_parent,jump_prepare,jump_parent}
 */
#include "../program.h"
#include <setjmp.h>

enum { ROUNDS = 20 };

static const char *how;
static struct gate started;
static int cleaned, forked;
static __thread jmp_buf *landing;

static void clean(void *unused) {
    (void)unused;
    cleaned++;
}

static void *idler(void *unused) {
    (void)unused;
    gate_open(&started);
    idle_for_ever();
}

static void *nothing(void *unused) { return unused; }

static void leave(void) {
    if (landing) longjmp(*landing, 1);
    if (cleaned < ROUNDS && forked < 0) pthread_testcancel();
}

static pid_t copy(void) {
    if (is(how, "_Fork")) return _Fork();
    if (is(how, "syscall")) return SYSCALL_FORK();
    return fork();
}

static void in_child(void) {
    pthread_t thread;
    if (is(how, "create_in_child")) MUST(pthread_create(&thread, NULL, nothing, NULL));
    if (is(how, "daemon_child")) {
        /* The first parent of the daemon ends with 0. */
        MUST(daemon(1, 1));
        if (getppid() == 0) broken("daemon");
    }
    _exit(FINE);
}

static void *forker(void *unused) {
    pthread_cleanup_push(clean, NULL);
    /* The cancellation is pending from here on. */
    MUST(pthread_cancel(pthread_self()));
    forked = strncmp(how, "handler", 7) == 0 ? -1 : 0;
    pid_t child = copy();
    if (child == 0) in_child();
    int state, status;
    MUST(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state));
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
    forked = 1;
    MUST(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state));
    pthread_testcancel();
    pthread_cleanup_pop(0);
    return unused;
}

static void *jumper(void *unused) {
    for (int round = 0; round < ROUNDS; round++) {
        jmp_buf here;
        landing = &here;
        if (setjmp(here) == 0) {
            if (fork() == 0) _exit(FINE);
            broken("the jump");
        }
        landing = NULL;
        pid_t child = fork();
        if (child == 0) _exit(FINE);
        if (waitpid(child, NULL, 0) != child) broken("the second child");
    }
    return unused;
}

static void jumps(void) {
    if (is(how, "jump_prepare")) MUST(pthread_atfork(leave, NULL, NULL));
    if (is(how, "jump_parent")) MUST(pthread_atfork(NULL, leave, NULL));
    pthread_t threads[2];
    for (int number = 0; number < 2; number++) MUST(pthread_create(&threads[number], NULL, jumper, NULL));
    for (int number = 0; number < 2; number++) MUST(pthread_join(threads[number], NULL));
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "fork";
    int leaves_in_fork = strncmp(how, "handler", 7) == 0;
    if (is(how, "handler_prepare")) MUST(pthread_atfork(leave, NULL, NULL));
    if (is(how, "handler_parent")) MUST(pthread_atfork(NULL, leave, NULL));
    gate_make(&started);
    start("idler", idler, NULL);
    gate_pass(&started);
    if (strncmp(how, "jump", 4) == 0) {
        jumps();
        return say("all jumped"), FINE;
    }
    for (int round = 0; round < ROUNDS; round++) {
        void *result;
        pthread_t thread;
        MUST(pthread_create(&thread, NULL, forker, NULL));
        MUST(pthread_join(thread, &result));
        if (result != PTHREAD_CANCELED || cleaned != round + 1) broken("cancellation");
        if (forked != (leaves_in_fork ? -1 : 1)) broken("the fork");
    }
    forked = 0;
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    say("%d threads forked and were cancelled", cleaned);
    return verdict(child);
}
