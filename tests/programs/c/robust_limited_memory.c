/* The address space is limited. With 400 MiB left, the program has use for half of them after a fork; with none left, there is
 * none for the library either, which then reports less or nothing, and does not end the program.
 * expect: at-most ERROR
 * expect: unsafe_fork ERROR locks=1 threads=1
 * records: maybe
 * runs: {400,0}
 */
#include "../program.h"
#include <sys/resource.h>

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void *keeper(void *unused) {
    (void)unused;
    MUST(pthread_mutex_lock(&vault));
    gate_open(&held);
    idle_for_ever();
}

static void leave(size_t bytes) {
    char text[128];
    unsigned long pages;
    MUST(read_text("/proc/self/statm", text, sizeof text) || sscanf(text, "%lu", &pages) != 1);
    rlim_t limit = pages * (rlim_t)sysconf(_SC_PAGESIZE) + bytes;
    MUST(setrlimit(RLIMIT_AS, &(struct rlimit){limit, limit}));
}

int main(int count, char **words) {
    size_t bytes = (size_t)atoi(count > 1 ? words[1] : "400") << 20;
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    leave(bytes);
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    int worst = verdict(child);
    void *half = malloc(bytes / 2 + 1);
    if (!half) broken("malloc");
    free(half);
    return worst;
}
