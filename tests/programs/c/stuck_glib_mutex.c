/* H9: GLib's mutex is taken by an inline instruction, and only who has to wait makes a call. Another thread holds it at the
 * fork; the child waits for ever.
 * needs: glib-2.0
 * expect: unsafe_fork WARN locks=0 threads=1
 * expect: stuck_child FATAL call=syscall(SYS_futex) object=futex in=ask same_fork=yes
 * suppress: unsafe_fork:main
 * suppress: stuck_child:ask
 */
#include "../program.h"
#include <glib.h>

static GMutex mutex;
static struct gate held;

static void *keeper(void *unused) {
    (void)unused;
    g_mutex_lock(&mutex);
    gate_open(&held);
    idle_for_ever();
}

static void ask(void) { g_mutex_lock(&mutex); }

int main(void) {
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        ask();
        _exit(FINE);
    }
    return verdict(child);
}
