/* Calls that fork are left by a jump out of an at-fork handler of the program's. The forks that follow, of this thread and of
 * another one, must be reported, and none of them may wait for what the call has left behind.
 * expect: unsafe_fork ERROR fork=fork_at_last locks=1
 * with: lock=mutex owner=keeper
 * allow: unsafe_fork
 * count: any
 * suppress: unsafe_fork:*
 * runs: {prepare,parent}
 */
#include "../program.h"
#include <setjmp.h>

enum { JUMPS = 40 };

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held, asked, answered;
static sigjmp_buf out;
static volatile sig_atomic_t jumps, may_jump;
static pid_t own;

static void jump(void) {
    if (!may_jump || (pid_t)syscall(SYS_gettid) != own) return;
    may_jump = 0;
    jumps++;
    siglongjmp(out, 1);
}

static void *keeper(void *unused) {
    (void)unused;
    MUST(pthread_mutex_lock(&vault));
    gate_open(&held);
    idle_for_ever();
}

static void see_child_end(pid_t child) {
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
}

static void fork_once(void) {
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    see_child_end(child);
}

/* A line of its own: each line that forks is one finding. */
static void fork_at_last(void) {
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    see_child_end(child);
}

static void *other(void *unused) {
    (void)unused;
    for (;;) {
        gate_pass(&asked);
        fork_once();
        gate_open(&answered);
    }
    return NULL;
}

static void fork_to_be_left(void) {
    may_jump = 1;
    if (fork() == 0) _exit(FINE);
    broken("the call came back");
}

int main(int count, char **words) {
    const char *how = count > 1 ? words[1] : "parent";
    own = (pid_t)syscall(SYS_gettid);
    gate_make(&held);
    gate_make(&asked);
    gate_make(&answered);
    start("keeper", keeper, NULL);
    start("other", other, NULL);
    gate_pass(&held);
    if (is(how, "prepare")) MUST(pthread_atfork(jump, NULL, NULL));
    if (is(how, "parent")) MUST(pthread_atfork(NULL, jump, NULL));
    for (volatile int round = 0; round < JUMPS; round++) {
        if (sigsetjmp(out, 1) == 0) fork_to_be_left();
        gate_open(&asked);
        gate_pass(&answered);
    }
    may_jump = 0;
    fork_at_last();
    say("%d jumps, all children that were waited for: fine", (int)jumps);
    return FINE;
}
