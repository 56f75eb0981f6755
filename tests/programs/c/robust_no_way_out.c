/* The ways out are gone at the fork: standard error is closed, the log's folder cannot be reached from the new root, or all
 * file sizes are limited to nothing. The program goes on as without us.
 * expect: at-most ERROR
 * records: maybe
 * runs: {closed_stderr,chroot,file_size_limit,no_descriptors_left}
 */
#include "../program.h"
#include <sys/resource.h>
#include <sys/stat.h>

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void *keeper(void *unused) {
    (void)unused;
    MUST(pthread_mutex_lock(&vault));
    gate_open(&held);
    idle_for_ever();
}

static void new_root(void) {
    char folder[] = "/tmp/robust_no_way_out.XXXXXX";
    if (geteuid() != 0) {
        say("skipped: only root may change the root");
        _exit(SKIPPED);
    }
    if (!mkdtemp(folder)) broken("mkdtemp");
    int inside = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    MUST(chdir(folder) || rmdir(folder) || chroot("."));
    close(inside);
}

int main(int count, char **words) {
    const char *how = count > 1 ? words[1] : "closed_stderr";
    int status;
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    if (is(how, "closed_stderr")) MUST(close(STDERR_FILENO));
    if (is(how, "chroot")) new_root();
    if (is(how, "file_size_limit")) MUST(setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, 0}));
    if (is(how, "no_descriptors_left")) MUST(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, 0}));
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) _exit(BROKEN);
    /* The standard output may be a file, which must not grow any more. */
    _exit(FINE);
}
