/* The child of a process with one thread makes threads: it may, for it is no child of a threaded process.
 * expect: silent
 */
#include "../program.h"

static void *nothing(void *unused) { return unused; }

int main(void) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        MUST(pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL));
        _exit(FINE);
    }
    if (waitpid(child, &status, 0) != child || status != 0) broken("child");
    return FINE;
}
