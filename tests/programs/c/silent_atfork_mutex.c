/* A mutex that its library protects: the prepare handler takes it, so at the copy the forking thread holds it, however busy
 * another thread is with it.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=0 threads=1
 */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate ready;

static void before(void) { MUST(pthread_mutex_lock(&vault)); }
static void after(void) { MUST(pthread_mutex_unlock(&vault)); }

static void *busy(void *unused) {
    gate_open(&ready);
    for (;;) {
        MUST(pthread_mutex_lock(&vault));
        MUST(pthread_mutex_unlock(&vault));
    }
    return unused;
}

int main(void) {
    int worst = FINE;
    MUST(pthread_atfork(before, after, after));
    gate_make(&ready);
    start("busy", busy, NULL);
    gate_pass(&ready);
    for (int round = 0; round < 50; round++) {
        pid_t child = fork();
        if (child == 0) {
            MUST(pthread_mutex_lock(&vault));
            _exit(FINE);
        }
        worst |= verdict(child);
    }
    return worst;
}
