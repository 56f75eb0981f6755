/* Threads with the smallest possible stack: one holds a lock, which is reported; and one forks.
 * expect: unsafe_fork ERROR fork=$1 locks=1
 * with: lock=mutex owner=tiny acquired=vault_open
 * runs: {fork_in_main,fork_in_tiny}
 */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held, forked;
static pthread_attr_t tiny;

static void vault_open(void) { MUST(pthread_mutex_lock(&vault)); }

static void *keeper(void *unused) {
    (void)unused;
    MUST(pthread_setname_np(pthread_self(), "tiny"));
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

static int fork_in_main(void) {
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}

static void *fork_in_tiny(void *unused) {
    int status;
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
    gate_open(&forked);
    return unused;
}

int main(int count, char **words) {
    pthread_t thread;
    gate_make(&held);
    gate_make(&forked);
    MUST(pthread_attr_init(&tiny));
    MUST(pthread_attr_setstacksize(&tiny, (size_t)PTHREAD_STACK_MIN));
    MUST(pthread_create(&thread, &tiny, keeper, NULL));
    gate_pass(&held);
    if (count > 1 && is(words[1], "fork_in_tiny")) {
        MUST(pthread_create(&thread, &tiny, fork_in_tiny, NULL));
        gate_pass(&forked);
        return FINE;
    }
    return fork_in_main();
}
