/* A recursive mutex that was taken three times and released three times is free; taken three times and released twice,
 * it would not be (unsafe_fork_recursive_count shows that).
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
 */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct gate ready;

static void *keeper(void *unused) {
    (void)unused;
    for (int depth = 0; depth < 3; depth++) MUST(pthread_mutex_lock(&vault));
    for (int depth = 0; depth < 3; depth++) MUST(pthread_mutex_unlock(&vault));
    gate_open(&ready);
    idle_for_ever();
}

int main(void) {
    gate_make(&ready);
    start("keeper", keeper, NULL);
    gate_pass(&ready);
    pid_t child = fork();
    if (child == 0) {
        MUST(pthread_mutex_lock(&vault));
        _exit(FINE);
    }
    return verdict(child);
}
