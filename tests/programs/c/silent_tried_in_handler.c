/* The child handler of a library tries its locks and unlocks each, which frees those that another thread held at the fork. What
 * the fork's record says is another matter; the child has nothing to report.
 * expect: at-most ERROR
 * expect: unsafe_fork fork=main
 */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER, safe = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void in_child(void) {
    pthread_mutex_trylock(&vault);
    pthread_mutex_trylock(&safe);
    pthread_mutex_unlock(&vault);
    pthread_mutex_unlock(&safe);
}

static void *keeper(void *unused) {
    (void)unused;
    MUST(pthread_mutex_lock(&vault));
    MUST(pthread_mutex_lock(&safe));
    gate_open(&held);
    idle_for_ever();
}

int main(void) {
    MUST(pthread_atfork(NULL, NULL, in_child));
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        MUST(pthread_mutex_lock(&vault));
        MUST(pthread_mutex_unlock(&vault));
        _exit(FINE);
    }
    return verdict(child);
}
