/* Ways to start a program that are safe by construction, while another thread holds a lock.
 * expect: silent
 * runs: {posix_spawn,posix_spawnp,system,popen,vfork}
 */
#include "../program.h"
#include <spawn.h>

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;
extern char **environ;

static void *keeper(void *unused) {
    (void)unused;
    MUST(pthread_mutex_lock(&vault));
    gate_open(&held);
    idle_for_ever();
}

int main(int count, char **words) {
    const char *how = count > 1 ? words[1] : "posix_spawn";
    char *const command[] = {(char *)"true", NULL};
    pid_t child = 0;
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    if (is(how, "system")) MUST(system("true"));
    if (is(how, "popen")) {
        FILE *stream = popen("echo through a pipe", "r");
        char line[64] = "";
        if (!stream || !fgets(line, sizeof line, stream)) broken("popen");
        MUST(pclose(stream));
        line[strcspn(line, "\n")] = 0;
        say("%s", line);
    }
    if (is(how, "posix_spawn")) MUST(posix_spawn(&child, "/bin/true", NULL, NULL, command, environ));
    if (is(how, "posix_spawnp")) MUST(posix_spawnp(&child, "true", NULL, NULL, command, environ));
    if (is(how, "vfork")) {
        child = vfork();
        if (child == 0) {
            execve("/bin/true", command, environ);
            _exit(BROKEN);
        }
    }
    return child ? verdict(child) : FINE;
}
