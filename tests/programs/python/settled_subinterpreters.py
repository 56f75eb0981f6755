# Threads of a second interpreter run beside forks that are held back, in `own` with an interpreter lock of its own. It
# runs on as it does natively, and so does the program. Each child ends in a handler of libc's fork: CPython would end
# it for the other interpreter that its parent runs.
#
# python: 3.12-3.15
# expect: unsafe_fork INFO function=fork locks=0
# runs: {own,shared}
import ctypes
import os
import threading

import program

try:
    import _interpreters as interpreters

    def make(own):
        return interpreters.create("isolated" if own else "legacy")

    run = interpreters.exec
except ImportError:
    import _xxsubinterpreters as interpreters

    def make(own):
        return interpreters.create(isolated=own)

    run = interpreters.run_string

FORKS = 40
# Two threads share what that interpreter has, and tell when they have begun.
CODE = """
import os, threading
lock = threading.Lock()
def keeper():
    for turn in range(1 << 40):
        with lock:
            sum(range(300))
        if turn == 0:
            os.write({writer}, b"x")
threading.Thread(target=keeper).start()
keeper()
"""
lock = threading.Lock()
ready = program.Gate()


def keeper():
    for turn in range(1 << 40):
        with lock:
            sum(range(300))
        if turn == 0:
            ready.open()


second = make(program.mode() == "own")
code = CODE.format(writer=ready.writer)
threading.Thread(target=lambda: run(second, code), name="second", daemon=True).start()
for _ in range(2):
    threading.Thread(target=keeper, name="keeper", daemon=True).start()
for _ in range(4):
    ready.pass_through()
libc = ctypes.CDLL(None)
end = ctypes.cast(libc._exit, ctypes.c_void_p)
libc.__register_atfork(None, None, end, None)
for _ in range(FORKS):
    pid = os.fork()
    if not os.WIFEXITED(os.waitpid(pid, 0)[1]):
        os._exit(program.BROKEN)
os._exit(program.FINE)
