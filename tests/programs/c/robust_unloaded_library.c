/* A library with locks is loaded and unloaded all the time while 100 forks happen: its stacks name code that may be gone.
 * plugin: lib_plugin.c
 * expect: at-most ERROR
 * expect: unsafe_fork fork=main threads=1
 * count: any
 * suppress: unsafe_fork:*
 */
#include "../program.h"
#include <dlfcn.h>

static struct gate ready;
static const char *path;

static void *loader(void *unused) {
    for (long round = 0;; round++) {
        void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!library) broken(dlerror());
        int (*work)(void) = (int (*)(void))dlsym(library, "plugin_work");
        MUST(work());
        MUST(dlclose(library));
        if (round == 0) gate_open(&ready);
    }
    return unused;
}

int main(void) {
    path = getenv("TEST_PLUGIN");
    if (!path) broken("TEST_PLUGIN");
    gate_make(&ready);
    start("loader", loader, NULL);
    gate_pass(&ready);
    for (int round = 0; round < 100; round++) {
        int status;
        pid_t child = fork();
        if (child == 0) _exit(FINE);
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("child");
    }
    say("100 children: fine");
    return FINE;
}
