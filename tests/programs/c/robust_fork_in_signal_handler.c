/* Timer signals whose handler forks, forty of them, interrupt whatever the program does: malloc alone, malloc beside another
 * thread (then only `_Fork` is safe), and lock hooks.
 * expect: at-most WARN
 * suppress: unsafe_fork:*
 * runs: {malloc_alone,malloc_threaded,locks_threaded}
 */
#include "../program.h"
#include <sys/time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
/* One at a time, so that the interrupted code goes on in between, however long the handler takes. */
static const struct itimerval soon = {{0, 0}, {0, 300}};
static volatile sig_atomic_t forks;
static struct gate ready;
static const char *how;

static void *idler(void *unused) {
    (void)unused;
    gate_open(&ready);
    idle_for_ever();
}

static void handler(int number) {
    (void)number;
    int status, kept = errno;
    pid_t child = is(how, "malloc_threaded") ? _Fork() : fork();
    if (child == 0) _exit(FINE);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) _exit(BROKEN);
    forks++;
    setitimer(ITIMER_REAL, &soon, NULL);
    errno = kept;
}

int main(int count, char **words) {
    sigset_t alarm_only;
    how = count > 1 ? words[1] : "malloc_alone";
    gate_make(&ready);
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    MUST(pthread_sigmask(SIG_BLOCK, &alarm_only, NULL));
    if (!is(how, "malloc_alone")) {
        start("idler", idler, NULL);
        gate_pass(&ready);
    }
    signal(SIGALRM, handler);
    MUST(pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL));
    MUST(setitimer(ITIMER_REAL, &soon, NULL));
    for (size_t size = 1; forks < 40; size = size * 7 % 10007 + 1) {
        if (is(how, "locks_threaded")) {
            MUST(pthread_mutex_lock(&mutex));
            MUST(pthread_mutex_unlock(&mutex));
        } else {
            char *volatile memory = malloc(size);
            memory[0] = 1;
            free(memory);
        }
    }
    MUST(pthread_sigmask(SIG_BLOCK, &alarm_only, NULL));
    say("40 forks in the handler");
    return FINE;
}
