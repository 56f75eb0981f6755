# Threads hold a Python lock most of the time, and each child takes it. Bare, a child soon gets stuck; held back, no
# fork leaves it locked. `shared`: parent and child share the lock itself, but each counts for itself how often it has
# taken it, so a child that was copied in between can never give it back. `signal`: a thread waits for a lock that was
# taken before any thread began, which nobody has seen; it holds nothing. `busy`: a thread keeps the interpreter lock
# for long, so that holders sleep; they will go on.
#
# python: 3.7-3.15
# expect: unsafe_fork INFO function=fork locks=0
# runs: {lock,rlock,write,queue,shared,signal,busy}
import ctypes
import multiprocessing
import os
import queue
import signal
import sys
import threading

import program

how = program.mode()
# A lock is handed over to a thread that waits for it now and then.
FORKS = 300 if how == "write" else 40
lock = {
    "rlock": threading.RLock,
    "shared": multiprocessing.get_context("fork").RLock,
}.get(how, threading.Lock)()
items = queue.Queue()
nowhere = os.open(os.devnull, os.O_WRONLY)
ready = program.Gate()
# What runs between the end of the wait and the fork may let other threads take locks.
os.register_at_fork(before=lambda: sum(range(10_000)))


def use():
    if how == "queue":
        items.put(1)
        items.get()
    else:
        with lock:
            if how in ("write", "shared"):
                os.write(nowhere, b"a line")
            sum(range(500))


def keeper():
    use()
    ready.open()
    while True:
        use()


def in_child():
    if how == "shared":
        # A wait for a lock that is shared may still end, so only a long one is judged.
        signal.alarm(3)
    if how == "queue":
        items.put(1)
    else:
        with lock:
            pass


def compute():
    while True:
        with_interpreter_lock.usleep(15_000)


with_interpreter_lock = ctypes.PyDLL(None)
if how == "busy":
    threading.Thread(target=compute, name="computing", daemon=True).start()
told = threading.Lock()
told.acquire()
if how == "signal":
    threading.Thread(target=told.acquire, name="listener", daemon=True).start()
for _ in range(2):
    threading.Thread(target=keeper, name="keeper", daemon=True).start()
    ready.pass_through()
for _ in range(FORKS):
    pid = os.fork()
    if pid == 0:
        in_child()
        os._exit(program.FINE)
    if how == "shared":
        result = program.FINE if os.waitpid(pid, 0)[1] == 0 else program.REALISED
    else:
        result = program.verdict(pid)
    if result != program.FINE:
        os._exit(result)
sys.exit(program.FINE)
