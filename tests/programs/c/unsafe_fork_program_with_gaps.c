/* The parts of the program lie further apart than pages require, so that the kernel leaves gaps between them.
 * expect: unsafe_fork ERROR fork=forks threads=1
 * with: lock=mutex name=door owner=keeper acquired=keeper
 * flags: -Wl,-z,separate-code -Wl,-z,max-page-size=0x200000
 * bare: 0
 */
#include "../program.h"

static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;
static struct gate up;

static void *keeper(void *unused) {
    (void)unused;
    pthread_mutex_lock(&door);
    gate_open(&up);
    idle_for_ever();
}

__attribute__((noinline)) static pid_t forks(void) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    return child;
}

int main(void) {
    gate_make(&up);
    start("keeper", keeper, NULL);
    gate_pass(&up);
    return verdict(forks());
}
