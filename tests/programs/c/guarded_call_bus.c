/* H5: the parent is connected to a message bus through GLib, whose thread serves the connection; the child asks the bus, too, and
 * nobody serves it.
 * needs: gio-2.0
 * expect: unsafe_fork
 * expect: guarded_call WARN call=g_bus_get_sync in=ask library=*libgio-2.0.so* same_fork=yes
 * allow: possible_deadlock
 * allow: shared_wakeup
 * allow: stuck_child
 * suppress: *:*
 */
#include "../program.h"
#include <gio/gio.h>
#include <spawn.h>

enum { MILLISECONDS = 1500 };

static pid_t server;

/* Starts a bus of its own, without what is preloaded here. */
static int starts_bus(void) {
    int ends[2];
    char place[32], address[256];
    char *words[] = {"dbus-daemon", "--session", "--nofork", "--nopidfile", place, NULL};
    char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    char *environment[] = {path, NULL};
    MUST(pipe(ends));
    snprintf(place, sizeof place, "--print-address=%d", ends[1]);
    if (posix_spawnp(&server, words[0], NULL, NULL, words, environment) != 0) return 0;
    close(ends[1]);
    ssize_t got = read(ends[0], address, sizeof address - 1);
    if (got <= 0) return 0;
    address[strcspn(address, "\n")] = 0;
    MUST(setenv("DBUS_SESSION_BUS_ADDRESS", address, 1));
    return 1;
}

static int ask(void) {
    GDBusConnection *bus = g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, NULL);
    if (bus == NULL) return BROKEN;
    GVariant *id = g_dbus_connection_call_sync(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                               "GetId", NULL, NULL, G_DBUS_CALL_FLAGS_NONE, MILLISECONDS, NULL, NULL);
    return id == NULL ? REALISED : FINE;
}

int main(void) {
    if (!starts_bus()) return say("skipped: dbus-daemon does not start here"), SKIPPED;
    MUST(ask());
    pid_t child = fork();
    if (child == 0) {
        /* At times it does not even get to its time-out. */
        alarm(5);
        _exit(ask());
    }
    int status;
    MUST(waitpid(child, &status, 0) != child);
    kill(server, SIGTERM);
    say(status == 0 ? "child: has its answer" : "child: has no answer");
    _exit(status == 0 ? FINE : REALISED);
}
