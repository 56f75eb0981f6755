/* H10: a thread is inside the time zone's lock at the fork: it reads the zone's file, which is a FIFO that nobody writes to. The
 * lock is libc's own and passes no function, so being inside one of these functions counts as holding it. The child needs
 * the time and can never go on.
 * expect: unsafe_fork ERROR function=fork fork=main locks=1 threads=1
 * with: lock=libc name=libc:tz owner=keeper acquired=in_the_zone
 * expect: orphaned_lock FATAL call=$2 in=ask blocking=true same_fork=yes
 * with: lock=libc name=libc:tz owner=keeper acquired=in_the_zone
 * suppress: unsafe_fork:in_the_zone
 * suppress: orphaned_lock:ask
 * end: abrupt
 * runs: {localtime,localtime_r,mktime,strftime} localtime
 */
#include "../program.h"
#include <sys/stat.h>

static const char *how;
static char pid_task[64];
static pid_t keeper_tid;

static void call(const char *name) {
    time_t now = 1700000000;
    struct tm parts = {.tm_year = 100, .tm_mday = 1};
    char text[64];
    if (is(name, "tzset")) tzset();
    if (is(name, "localtime")) localtime(&now);
    if (is(name, "localtime_r")) localtime_r(&now, &parts);
    if (is(name, "mktime")) mktime(&parts);
    if (is(name, "strftime")) strftime(text, sizeof text, "%c %Z", &parts);
}

static void in_the_zone(void) { call(how); }

static void *keeper(void *unused) {
    __atomic_store_n(&keeper_tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
    in_the_zone();
    return unused;
}

static void ask(const char *name) { call(name); }

/* Whether the thread is in the call that opens the file. */
static int opens(void) {
    char text[128];
    long number;
    snprintf(pid_task, sizeof pid_task, "/proc/self/task/%d/syscall", (int)__atomic_load_n(&keeper_tid, __ATOMIC_ACQUIRE));
    return read_text(pid_task, text, sizeof text) == 0 && sscanf(text, "%ld", &number) == 1 && number == SYS_openat;
}

int main(int count, char **words) {
    char zone[] = "/tmp/orphaned_libc_time_zone.XXXXXX", fifo[64], variable[80];
    how = count > 1 ? words[1] : "tzset";
    if (!mkdtemp(zone)) broken("mkdtemp");
    snprintf(fifo, sizeof fifo, "%s/zone", zone);
    snprintf(variable, sizeof variable, ":%s", fifo);
    MUST(mkfifo(fifo, 0600));
    MUST(setenv("TZ", variable, 1));
    start("keeper", keeper, NULL);
    for (int look = 0; !opens() && look < 5000; look++) pause_milliseconds(1);
    pid_t child = opens() ? fork() : -1;
    if (child == 0) {
        ask(count > 2 ? words[2] : "localtime");
        _exit(FINE);
    }
    int stuck = verdict(child);
    unlink(fifo);
    rmdir(zone);
    _exit(stuck);
}
