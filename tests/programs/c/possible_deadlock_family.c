/* H16: five children of one line take a lock that a thread takes again and again. One of them reports that for all. (What happens at
 * another moment, `possible_deadlock_lock` shows.)
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
 * expect: possible_deadlock ERROR in=use same_fork=yes
 * with: lock=mutex owner=keeper acquired=use
 * suppress: unsafe_fork:main
 * suppress: possible_deadlock:use
 * bare: 0
 */
#include "../program.h"

enum { CHILDREN = 5 };

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate taken_often;

static void use(void) {
    MUST(pthread_mutex_lock(&vault));
    MUST(pthread_mutex_unlock(&vault));
}

static void *keeper(void *unused) {
    (void)unused;
    for (int times = 0; times < 5; times++) {
        use();
        pause_milliseconds(1);
    }
    gate_open(&taken_often);
    idle_for_ever();
}

int main(void) {
    gate_make(&taken_often);
    start("keeper", keeper, NULL);
    gate_pass(&taken_often);
    for (int number = 0; number < CHILDREN; number++) {
        pid_t child = fork();
        if (child == 0) {
            use();
            exit(FINE);
        }
        if (verdict(child) != FINE) return BROKEN;
    }
    return FINE;
}
