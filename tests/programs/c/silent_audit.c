/* What an audited child may do: exec, end at once, call what POSIX allows; what at-fork handlers do is their library's cure.
 * options: FORKWATCH_AUDIT=on FORKWATCH_GUARD=lib*
 * expect: unsafe_fork WARN threads=1
 * runs: {exec,end,allowed,handlers}
 */
#include "../program.h"
#include <sys/socket.h>
#include <sys/stat.h>

static struct gate up;
static const char *mode = "end";
static char text[100];

static void *worker(void *unused) {
    (void)unused;
    gate_open(&up);
    idle_for_ever();
}

static void handler(void) {
    if (!is(mode, "handlers")) return;
    free(malloc(10));
    snprintf(text, sizeof text, "%d", (int)getpid());
}

static void allowed(void) {
    sigset_t set;
    struct stat data;
    struct timespec now;
    int ends[2];
    sigemptyset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    memcpy(text, "text", 5);
    text[strlen(text)] = 'x';
    MUST(pipe(ends) || stat("/", &data) || clock_gettime(CLOCK_REALTIME, &now) || dup2(ends[0], ends[1]) < 0);
    close(ends[0]);
    signal(SIGUSR1, SIG_IGN);
    kill(getpid(), SIGUSR1);
    if (write(STDERR_FILENO, "", 0) != 0 || getppid() == 0 || time(NULL) == 0) _exit(BROKEN);
    if (!getenv("PATH") && errno == EBADF) _exit(BROKEN);
}

int main(int count, char **words) {
    if (count > 1) mode = words[1];
    gate_make(&up);
    MUST(pthread_atfork(NULL, NULL, handler));
    start("worker", worker, NULL);
    gate_pass(&up);
    pid_t child = fork();
    if (child == 0) {
        if (is(mode, "allowed")) allowed();
        if (is(mode, "exec")) execl("/bin/true", "true", NULL);
        _exit(FINE);
    }
    return verdict(child);
}
