/* H2: GLib's way to start a program is bound to exec, and not reported at the fork. But its child-setup function takes a lock
 * that another thread held there, and hangs; the parent waits inside `g_spawn_async` for the exec that never comes. So the
 * child reports both: the fork, and the lock.
 * needs: glib-2.0
 * expect: unsafe_fork ERROR function=fork threads=2
 * with: lock=mutex owner=keeper acquired=vault_open
 * with: thread=keeper start=keeper created=main
 * expect: orphaned_lock FATAL call=pthread_mutex_lock in=setup blocking=true same_fork=yes
 * with: lock=mutex owner=keeper acquired=vault_open
 * suppress: unsafe_fork:keeper
 * suppress: orphaned_lock:setup
 * end: abrupt
 */
#include "../program.h"
#include <glib.h>

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void vault_open(void) { MUST(pthread_mutex_lock(&vault)); }

static void *keeper(void *unused) {
    (void)unused;
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

static void setup(gpointer unused) {
    (void)unused;
    pthread_mutex_lock(&vault);
}

int main(void) {
    char *command[] = {(char *)"true", NULL};
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    start("watcher", watch_from_aside, NULL);
    g_spawn_async(NULL, command, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, setup, NULL, NULL, NULL);
    idle_for_ever();
}
