/* A plain mutex is released by a thread that did not take it (POSIX forbids it, programs do it): nobody holds it.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
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

int main(void) {
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    MUST(pthread_mutex_unlock(&vault));
    pid_t child = fork();
    if (child == 0) {
        MUST(pthread_mutex_lock(&vault));
        _exit(FINE);
    }
    return verdict(child);
}
