/* A library's child handler reinitialises its mutex before anyone takes it there. At the fork another thread holds it: the
 * finding names it as made anew, and is no error. The child's use of it is not reported.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=1 made_anew=true
 */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void in_child(void) { MUST(pthread_mutex_init(&vault, NULL)); }

static void *keeper(void *unused) {
    (void)unused;
    MUST(pthread_mutex_lock(&vault));
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
