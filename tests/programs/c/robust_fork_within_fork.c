/* A fork inside of a fork: an at-fork handler forks, or a signal handler that interrupts one. Each is reported by itself, in time,
 * and so is the fork that comes after both. The library waits two seconds for a lock that it cannot have; here it never does.
 * expect: unsafe_fork WARN fork=inner locks=0 threads=1
 * expect: unsafe_fork WARN fork=outer locks=0 threads=1
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
 * count: any
 * runs: {handler,signal} {prepare,parent}
 */
#include "../program.h"

static struct gate up;
static const char *how, *when;
static int done;
static double looking;

/* Seconds that this thread has been asleep for: neither on a processor nor waiting for one, as on a busy machine. */
static double asleep(void) {
    struct timespec now;
    char text[128];
    unsigned long long ran = 0, waited = 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    MUST(read_text("/proc/thread-self/schedstat", text, sizeof text) || sscanf(text, "%llu %llu", &ran, &waited) != 2);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9 - (double)(ran + waited) / 1e9;
}

/* The verdict sleeps between its looks. */
static int look_at(pid_t child) {
    double before = asleep();
    int result = verdict(child);
    looking += asleep() - before;
    return result;
}

static void *idler(void *unused) {
    (void)unused;
    gate_open(&up);
    idle_for_ever();
}

static void inner(int number) {
    (void)number;
    pid_t child = is(how, "signal") ? _Fork() : fork();
    if (child == 0) _exit(FINE);
    if (look_at(child) != FINE) broken("the inner child");
}

static void fork_once_more(const char *here) {
    if (!is(when, here) || done++) return;
    if (is(how, "signal")) MUST(raise(SIGUSR1));
    else inner(0);
}

static void before(void) { fork_once_more("prepare"); }
static void in_parent(void) { fork_once_more("parent"); }

static int outer(void) {
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return look_at(child);
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "handler";
    when = count > 2 ? words[2] : "parent";
    gate_make(&up);
    start("idler", idler, NULL);
    gate_pass(&up);
    MUST(signal(SIGUSR1, inner) == SIG_ERR);
    MUST(pthread_atfork(before, in_parent, NULL));
    double begin = asleep();
    int worst = outer();
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    worst |= look_at(child);
    if (asleep() - begin - looking >= 2) broken("the forks waited for a lock");
    return worst;
}
