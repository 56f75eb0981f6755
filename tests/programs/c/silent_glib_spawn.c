/* GLib's ways to start a program while another thread holds a lock. A child-setup function makes GLib fork by hand, still
 * to exec.
 * needs: glib-2.0
 * expect: silent
 * runs: {sync,command_line,async,child_setup}
 */
#include "../program.h"
#include <glib.h>

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void *keeper(void *unused) {
    (void)unused;
    MUST(pthread_mutex_lock(&vault));
    gate_open(&held);
    idle_for_ever();
}

static void nothing(gpointer unused) { (void)unused; }

int main(int count, char **words) {
    const char *how = count > 1 ? words[1] : "sync";
    char *command[] = {(char *)"true", NULL};
    int status = 0;
    GPid child = 0;
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    GSpawnFlags flags = G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD;
    gboolean done = TRUE;
    if (is(how, "sync")) {
        done = g_spawn_sync(NULL, command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL);
    } else if (is(how, "command_line")) {
        done = g_spawn_command_line_sync("true", NULL, NULL, &status, NULL);
    } else {
        GSpawnChildSetupFunc setup = is(how, "child_setup") ? nothing : NULL;
        done = g_spawn_async(NULL, command, NULL, flags, setup, NULL, &child, NULL);
    }
    if (!done || status != 0) broken("g_spawn");
    return child ? verdict(child) : FINE;
}
