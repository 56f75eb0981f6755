/* Forks in a row, all from one place, beside a thread that holds a lock: each child ends well, the last forks cost what the first
 * did, and the process does not grow. Costs are the forking thread's own processor time. Run by hand with 100000.
 * expect: unsafe_fork ERROR fork=main locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=keeper
 * runs: 3000
 */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void *keeper(void *unused) {
    (void)unused;
    MUST(pthread_mutex_lock(&vault));
    gate_open(&held);
    idle_for_ever();
}

static double milliseconds(void) {
    struct timespec now;
    MUST(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now));
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* What lies in memory, in pages. */
static long resident(void) {
    char text[128];
    long all, here;
    MUST(read_text("/proc/self/statm", text, sizeof text));
    if (sscanf(text, "%ld %ld", &all, &here) != 2) broken("statm");
    return here;
}

int main(int count, char **words) {
    int forks = count > 1 ? atoi(words[1]) : 3000, quarter = forks / 4;
    double begin = 0, early = 0, late = 0;
    long before = 0;
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    for (int number = 0; number < forks; number++) {
        int status;
        /* The first forks are reported, and load what is needed for that. */
        if (number == quarter) before = resident();
        if (number == quarter || number == 3 * quarter) begin = milliseconds();
        pid_t child = fork();
        if (child == 0) _exit(number % 100);
        if (child < 0 || waitpid(child, &status, 0) != child) broken("child");
        if (!WIFEXITED(status) || WEXITSTATUS(status) != number % 100) broken("another child's status");
        if (number == 2 * quarter - 1) early = milliseconds() - begin;
    }
    late = milliseconds() - begin;
    if (late > 2 * early + 20) broken("later forks cost more");
    if (resident() > before + 64) broken("the process has grown");
    say("all children: fine");
    return FINE;
}
