/* H1, H2: a program without threads loads a plugin that has some. Before glibc 2.34 that also loads the library of threads, after the
 * start; each of its functions must be found then.
 * flags: -Wl,--as-needed -lc
 * plugin: lib_with_threads.c
 * expect: unsafe_fork ERROR function=fork fork=main locks=3 threads=1
 * with: lock=mutex owner=keeper acquired=plugin_keep
 * with: lock=rwlock_write owner=keeper acquired=plugin_keep
 * with: lock=semaphore owner=keeper acquired=plugin_keep
 * with: thread=keeper start=plugin_keep created=plugin_start
 * expect: orphaned_lock FATAL call=sem_wait lock=semaphore owner=keeper acquired=plugin_keep in=plugin_want blocking=true same_fork=yes
 * expect: leaked_lock WARN lock=mutex owner=leaver
 * suppress: unsafe_fork:plugin_keep
 * suppress: orphaned_lock:*
 * suppress: leaked_lock:*
 */
#include "../program.h"
#include <dlfcn.h>

int main(void) {
    void *plugin = dlopen(getenv("TEST_PLUGIN"), RTLD_NOW);
    if (!plugin) broken(dlerror());
    void (*plugin_start)(void) = (void (*)(void))dlsym(plugin, "plugin_start");
    void (*plugin_want)(void) = (void (*)(void))dlsym(plugin, "plugin_want");
    plugin_start();
    pid_t child = fork();
    if (child == 0) {
        plugin_want();
        _exit(FINE);
    }
    return verdict(child);
}
