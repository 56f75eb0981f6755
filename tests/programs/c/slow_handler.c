/* An at-fork handler that takes over a second is named when it ends, with its phase; quick ones are not.
 * expect: slow_handler WARN phase=$1 library=*slow_handler
 * suppress: slow_handler:slow_handler
 * bare: 0
 * runs: {prepare,parent,child}
 */
#include "../program.h"

static void slow(void) { pause_milliseconds(1200); }

static void quick(void) {}

int main(int count, char **words) {
    const char *phase = count > 1 ? words[1] : "prepare";
    MUST(pthread_atfork(quick, quick, quick));
    MUST(pthread_atfork(is(phase, "prepare") ? slow : NULL, is(phase, "parent") ? slow : NULL,
                        is(phase, "child") ? slow : NULL));
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return status == 0 ? FINE : BROKEN;
}
