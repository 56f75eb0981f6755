/* An audited process that has no other thread, or none any more: its child may call what it likes.
 * options: FORKWATCH_AUDIT=on FORKWATCH_GUARD=lib*
 * expect: silent
 * runs: {never,ended}
 */
#include "../program.h"

static void *nothing(void *unused) { return unused; }

int main(int count, char **words) {
    pthread_t thread;
    if (count > 1 && is(words[1], "ended")) MUST(pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL));
    pid_t child = fork();
    if (child == 0) {
        char *line = malloc(10);
        snprintf(line, 10, "x");
        free(line);
        _exit(FINE);
    }
    return verdict(child);
}
