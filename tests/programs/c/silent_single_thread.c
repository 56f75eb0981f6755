/* Forks of a process with one thread, also one that holds locks of its own, are nobody's business.
 * expect: silent
 */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;

int main(void) {
    int worst = FINE;
    for (int round = 0; round < 20; round++) {
        MUST(pthread_mutex_lock(&vault));
        pid_t child = fork();
        MUST(pthread_mutex_unlock(&vault));
        if (child == 0) {
            void *memory = malloc(100);
            MUST(pthread_mutex_lock(&vault));
            free(memory);
            _exit(FINE);
        }
        worst |= verdict(child);
    }
    return worst;
}
