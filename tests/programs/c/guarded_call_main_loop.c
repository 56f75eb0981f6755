/* H5: GLib's main loop runs in a thread; a child calls GLib, which the user has named, and hangs in what the loop would do.
 * options: FORKWATCH_GUARD=libglib*
 * needs: glib-2.0
 * expect: unsafe_fork
 * expect: guarded_call ERROR in=ask_loop library=*libglib-2.0.so* same_fork=yes
 * allow: stuck_child
 * allow: shared_wakeup
 * allow: orphaned_lock
 * allow: possible_deadlock
 * suppress: *:*
 */
#include "../program.h"
#include <glib.h>

static struct gate up;
static GMainLoop *loop;
static GMutex mutex;
static GCond answered;
static gboolean has_answer;

static gboolean begins(gpointer unused) {
    (void)unused;
    gate_open(&up);
    return G_SOURCE_REMOVE;
}

static gboolean answer(gpointer unused) {
    (void)unused;
    g_mutex_lock(&mutex);
    has_answer = TRUE;
    g_cond_signal(&answered);
    g_mutex_unlock(&mutex);
    return G_SOURCE_REMOVE;
}

static gpointer run(gpointer unused) {
    g_idle_add(begins, NULL);
    g_main_loop_run(loop);
    return unused;
}

static void ask_loop(void) {
    g_idle_add(answer, NULL);
    g_mutex_lock(&mutex);
    while (!has_answer) g_cond_wait(&answered, &mutex);
    g_mutex_unlock(&mutex);
}

int main(void) {
    gate_make(&up);
    loop = g_main_loop_new(NULL, FALSE);
    g_thread_new("loop", run, NULL);
    gate_pass(&up);
    pid_t child = fork();
    if (child == 0) {
        ask_loop();
        _exit(FINE);
    }
    return verdict(child);
}
