/* H10: a thread is in a function that takes the time zone's lock, but has released the lock: it formats a long text, and runs. No
 * one can see that, so the child's call may hang; it does not, and so nothing says that it does.
 * bare: 0
 * expect: unsafe_fork ERROR function=fork fork=main locks=1 threads=1
 * with: lock=libc name=libc:tz owner=keeper acquired=format
 * expect: orphaned_lock ERROR call=localtime in=ask blocking=true same_fork=yes
 * with: lock=libc name=libc:tz owner=keeper acquired=format
 * suppress: unsafe_fork:format
 * suppress: orphaned_lock:ask
 */
#include "../program.h"

enum { LONG = 16 << 20 };

static char text[LONG + 64];
static char long_format[LONG + 8];

/* The lock is held for the beginning of each call, a millionth of its time. */
static void format(void) {
    struct tm parts = {.tm_year = 100, .tm_mday = 1};
    strftime(text, sizeof text, long_format, &parts);
}

static void *keeper(void *unused) {
    for (;;) format();
    return unused;
}

static void ask(void) {
    time_t now = 1700000000;
    localtime(&now);
}

int main(void) {
    memset(long_format, 'x', LONG);
    memcpy(long_format + LONG, "%Z", 3);
    tzset();
    start("keeper", keeper, NULL);
    /* The text grows while the call is in progress. */
    while (!__atomic_load_n(&text[LONG / 2], __ATOMIC_ACQUIRE)) pause_milliseconds(1);
    pid_t child = fork();
    if (child == 0) {
        ask();
        _exit(FINE);
    }
    return verdict(child);
}
