/* H4: a child writes a line of a log in the usual way. All that its function calls is one finding, one record for each call,
 * in a program without lazy binding and without stubs.
 * options: FORKWATCH_AUDIT=on
 * flags: -fno-plt -Wl,-z,relro,-z,now
 * expect: unsafe_fork WARN threads=1
 * expect: unsafe_call WARN call=malloc in=log_line same_fork=yes
 * expect: unsafe_call WARN call=localtime_r in=log_line
 * expect: unsafe_call WARN call=snprintf in=log_line
 * expect: unsafe_call WARN call=free in=log_line
 * expect: unsafe_call WARN call=exit in=main
 * suppress: unsafe_fork:main
 * suppress: unsafe_call:unsafe_call_chain
 * bare: 0
 */
#include "../program.h"

static struct gate up;

static void *worker(void *unused) {
    (void)unused;
    gate_open(&up);
    idle_for_ever();
}

static void log_line(const char *what) {
    char *line = malloc(100);
    time_t now = time(NULL);
    struct tm day;
    localtime_r(&now, &day);
    int length = snprintf(line, 100, "%d:%s\n", day.tm_hour >= 0, what);
    if (write(STDOUT_FILENO, line, (size_t)length) != length) _exit(BROKEN);
    free(line);
}

/* What runs at the end is part of `exit`, and not reported. */
static void at_exit(void) { srandom(1); }

int main(void) {
    gate_make(&up);
    MUST(atexit(at_exit));
    start("worker", worker, NULL);
    gate_pass(&up);
    pid_t child = fork();
    if (child == 0) {
        log_line("child");
        log_line("again");
        exit(FINE);
    }
    int result = verdict(child);
    _exit(result);
}
