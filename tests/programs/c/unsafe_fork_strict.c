/* H3, H1: a program that can be refused its forks, of which one place makes two. A child says on standard output that it
 * ran; the parent says what `fork` returned, and how many SIGCHLD it got. `handlers` registers at-fork handlers of its own,
 * which the child's record contains.
 * bare: 0
 * expect: unsafe_fork fork=forks threads=1
 * runs: {threads,locks} {plain,handlers}
 */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate ready;
static volatile sig_atomic_t children_ended;
static int takes_lock;

static void prepare(void) {}
static void in_child(void) { say("the child's handler ran"); }
/* Read again each time: a loop that the compiler unrolls would be two places. */
static volatile int rounds = 2;
static void child_ended(int signal_number) { (void)signal_number; children_ended++; }
static void vault_open(void) { MUST(pthread_mutex_lock(&vault)); }

static void *keeper(void *unused) {
    (void)unused;
    if (takes_lock) vault_open();
    gate_open(&ready);
    idle_for_ever();
}

static int forks(void) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        say("the child ran");
        _exit(FINE);
    }
    if (child < 0) {
        say("fork: %s", errno == EDEADLK ? "EDEADLK" : strerror(errno));
        pid_t found = waitpid(-1, &status, WNOHANG);
        if (found >= 0 || errno != ECHILD) say("there is a child all the same");
    } else {
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
        say("fork: a child");
    }
    return WEXITSTATUS(status);
}

int main(int count, char **words) {
    int worst = FINE;
    takes_lock = count > 1 && is(words[1], "locks");
    if (count > 2 && is(words[2], "handlers")) MUST(pthread_atfork(prepare, NULL, in_child));
    gate_make(&ready);
    start("keeper", keeper, NULL);
    gate_pass(&ready);
    signal(SIGCHLD, child_ended);
    for (int round = 0; round < rounds; round++) worst |= forks();
    say("SIGCHLD: %d", (int)children_ended);
    return worst;
}
