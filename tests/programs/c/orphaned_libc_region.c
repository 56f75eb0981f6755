/* H10: another thread is inside a function of libc, which holds a lock that no hook sees, and stays there: it opens a pipe that
 * nobody writes to, allocates memory from this program's own allocator, or runs this program's callback. The child calls a
 * function of the same region and can never go on.
 * expect: unsafe_fork ERROR locks=1 threads=1
 * with: lock=libc owner=keeper name=$2 acquired=enter
 * expect: orphaned_lock FATAL call=$3 lock=libc owner=keeper name=$2 acquired=enter in=ask blocking=true same_fork=yes
 * suppress: *:$2
 * suppress: *:enter
 * runs: time_zone libc:tz localtime_r
 * runs: time_zone libc:tz mktime
 * runs: time_zone libc:tz tzset
 * runs: time_zone libc:tz strftime
 * runs: environment libc:env setenv
 * runs: environment libc:env unsetenv
 * runs: environment libc:env putenv
 * runs: locale libc:locale setlocale
 * runs: locale libc:locale newlocale
 * runs: loader libc:loader dl_iterate_phdr
 * runs: host libc:resolver gethostbyname
 */
#include "../program.h"
#include <link.h>
#include <locale.h>
#include <netdb.h>
#include <sys/stat.h>

static struct gate inside;
static __thread int stays;
static const char *region, *call;
static volatile int keeper_id;

/* The environment's lock is held while setenv allocates: there the keeper stays. */
void *__libc_malloc(size_t);
void *malloc(size_t size) {
    if (stays) {
        gate_open(&inside);
        idle_for_ever();
    }
    return __libc_malloc(size);
}

static int stay(struct dl_phdr_info *object, size_t size, void *unused) {
    (void)object, (void)size, (void)unused;
    if (stays) {
        gate_open(&inside);
        idle_for_ever();
    }
    return 0;
}

static void enter(void) {
    if (is(region, "time_zone")) tzset();
    stays = is(region, "environment") || is(region, "loader");
    if (is(region, "environment")) setenv("FORKWATCH_TEST_NEW", "a value that must be copied", 1);
    if (is(region, "loader")) dl_iterate_phdr(stay, NULL);
    if (is(region, "locale")) setlocale(LC_CTYPE, "forkwatch_test");
    if (is(region, "host")) gethostbyname("forkwatch");
    broken("nothing blocked");
}

static void ask(void) {
    static char text[] = "FORKWATCH_TEST_NEW=1";
    char line[64];
    time_t now = 0;
    struct tm parts = {0};
    if (is(call, "localtime_r")) localtime_r(&now, &parts);
    if (is(call, "mktime")) mktime(&parts);
    if (is(call, "tzset")) tzset();
    if (is(call, "strftime")) strftime(line, sizeof line, "%Z", &parts);
    if (is(call, "setenv")) setenv("FORKWATCH_TEST_NEW", "1", 1);
    if (is(call, "unsetenv")) unsetenv("FORKWATCH_TEST_NEW");
    if (is(call, "putenv")) putenv(text);
    if (is(call, "setlocale")) setlocale(LC_CTYPE, "C.UTF-8");
    if (is(call, "newlocale")) newlocale(LC_ALL_MASK, "forkwatch_test", NULL);
    if (is(call, "dl_iterate_phdr")) dl_iterate_phdr(stay, NULL);
    if (is(call, "gethostbyname")) gethostbyname("forkwatch");
}

static void *keeper(void *unused) {
    (void)unused;
    keeper_id = (int)syscall(SYS_gettid);
    enter();
    return NULL;
}

/* A folder with a pipe in it, which blocks whoever opens it to read; both are gone when somebody does. */
static char folder[] = "/tmp/forkwatch-region-XXXXXX";
static char place[128], pipe_path[192];

static void make_pipe(const char *below, const char *name) {
    if (!mkdtemp(folder)) broken("mkdtemp");
    snprintf(place, sizeof place, "%s/%s", folder, below);
    if (*below) MUST(mkdir(place, 0700));
    snprintf(pipe_path, sizeof pipe_path, "%s/%s", place, name);
    MUST(mkfifo(pipe_path, 0600));
}

static void wait_for_open(void) {
    char path[96], text[256];
    long number = -1;
    do {
        pause_milliseconds(1);
        snprintf(path, sizeof path, "/proc/self/task/%d/syscall", keeper_id);
    } while (keeper_id == 0 || read_text(path, text, sizeof text) != 0 || sscanf(text, "%ld ", &number) != 1 ||
             number != SYS_openat);
    MUST(unlink(pipe_path));
    rmdir(place);
    rmdir(folder);
}

int main(int count, char **words) {
    region = count > 1 ? words[1] : "time_zone";
    call = count > 3 ? words[3] : "localtime_r";
    gate_make(&inside);
    if (is(region, "time_zone")) {
        make_pipe("", "zone");
        MUST(setenv("TZ", pipe_path, 1));
    }
    if (is(region, "locale")) {
        make_pipe("forkwatch_test", "LC_CTYPE");
        MUST(setenv("LOCPATH", folder, 1));
    }
    if (is(region, "host")) {
        make_pipe("", "aliases");
        MUST(setenv("HOSTALIASES", pipe_path, 1));
    }
    start("keeper", keeper, NULL);
    if (*pipe_path) wait_for_open(); else gate_pass(&inside);
    pid_t child = fork();
    if (child == 0) {
        ask();
        _exit(FINE);
    }
    return verdict(child);
}
