/* A C program with Python inside forks while a Python thread holds a lock: from Python code, from C code that holds the
 * interpreter lock, and without it, when nothing may be said of the other thread's Python code.
 *
 * needs: python3-embed
 * bare: 0
 * expect: unsafe_fork ERROR function=fork locks=1 threads=1 lock=semaphore
 * suppress: unsafe_fork:*
 * runs: {python,locked,unlocked}
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "../program.h"

static const char *const PROGRAM =
    "import os, threading\n"
    "door = threading.Lock()\n"
    "held, never = os.pipe(), os.pipe()\n"
    "def keep():\n"
    "    with door:\n"
    "        os.write(held[1], b'x')\n"
    "        os.read(never[0], 1)\n"
    "def send():\n"
    "    child = os.fork()\n"
    "    if child == 0:\n"
    "        os._exit(0)\n"
    "    os.waitpid(child, 0)\n"
    "keeper = threading.Thread(target=keep, name='keeper', daemon=True)\n"
    "keeper.start()\n"
    "os.read(held[0], 1)\n";

static void fork_once(void) {
    pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "python";
    Py_InitializeEx(0);
    if (PyRun_SimpleString(PROGRAM) != 0) {
        return BROKEN;
    }
    if (strcmp(way, "python") == 0) {
        PyRun_SimpleString("send()");
    } else if (strcmp(way, "locked") == 0) {
        fork_once();
    } else {
        Py_BEGIN_ALLOW_THREADS;
        fork_once();
        Py_END_ALLOW_THREADS;
    }
    PyRun_SimpleString("os.write(never[1], b'x'); keeper.join()");
    return Py_FinalizeEx() == 0 ? FINE : BROKEN;
}
