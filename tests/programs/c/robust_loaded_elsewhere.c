/* A library that creates threads and forks is loaded so that it looks for its functions in itself and libc first, or into a
 * namespace of its own, with a libc that no hook stands before. The program's own fork is reported all the same.
 * expect: unsafe_fork ERROR fork=fork_at_last locks=1 threads=1
 * with: lock=mutex owner=keeper
 * allow: unsafe_fork
 * count: any
 * suppress: unsafe_fork:*
 * plugin: lib_forks.c
 * runs: {deep,namespace}
 */
#include "../program.h"
#include <dlfcn.h>

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void *keeper(void *unused) {
    (void)unused;
    MUST(pthread_mutex_lock(&vault));
    gate_open(&held);
    idle_for_ever();
}

static void fork_at_last(void) {
    int status;
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
}

int main(int count, char **words) {
    const char *path = getenv("TEST_PLUGIN");
    int deep = count < 2 || is(words[1], "deep");
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    void *library = deep ? dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND) : dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
    if (!library) broken(dlerror());
    long (*fork_often)(long) = (long (*)(long))dlsym(library, "fork_often");
    if (!fork_often || fork_often(20) != 20) broken("fork_often");
    fork_at_last();
    say("20 children there and one here: fine");
    return FINE;
}
