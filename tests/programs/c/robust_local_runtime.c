/* A plugin with C++ statics, loaded for nobody but itself into a program without the C++ runtime: only the plugin sees the real
 * functions of the guards.
 * plugin: lib_statics.cpp
 * expect: silent
 */
#include "../program.h"
#include <dlfcn.h>

int main(void) {
    const char *path = getenv("TEST_PLUGIN");
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library) broken(dlerror());
    int (*work)(void) = (int (*)(void))dlsym(library, "plugin_work");
    for (int times = 0; times < 3; times++)
        if (work() != 2) broken("each static is made once");
    pid_t child = fork();
    if (child == 0) _exit(work() == 2 ? FINE : BROKEN);
    return verdict(child);
}
