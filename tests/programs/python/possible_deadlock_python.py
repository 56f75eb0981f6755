# H16: a thread takes a Python lock again and again. The first child is forked while the lock happens to be free, and
# its finding names the lock all the same; the second one is forked while the thread holds it, and never gets it.
#
# python: 3.6-3.15
# expect: unsafe_fork WARN locks=0 threads=1
# expect: unsafe_fork ERROR locks=1 threads=1
# with: lock=$2 owner=keeper
# expect: possible_deadlock ERROR call=$3 python=withdraw owner=keeper lock=$2 taken=$4 same_fork=yes
# expect: orphaned_lock FATAL python=withdraw owner=keeper lock=$2 same_fork=yes
# suppress: unsafe_fork:*
# suppress: possible_deadlock:withdraw
# suppress: orphaned_lock:withdraw
# runs: {lock,recursive} python sem_wait withdraw:60
# runs: acquire python sem_wait withdraw:57
# runs: condition python sem_wait *__enter__:*
# runs: c_lock mutex pthread_mutex_lock *__enter__:38
# Without an interpreter lock, no call of libc shows whether a thread stops running Python code while it has the mutex.
# interpreter-lock: c_lock
import ctypes
import os
import sys
import threading
import time

import program

# Calls of these functions keep the interpreter lock.
libc = ctypes.PyDLL(None)


class CLock:
    """A mutex of C code, which keeps it while it leaves the interpreter lock."""

    def __init__(self):
        self.mutex = ctypes.create_string_buffer(64)

    def __enter__(self):
        libc.pthread_mutex_lock(self.mutex)
        time.sleep(0)

    def __exit__(self, *_error):
        libc.pthread_mutex_unlock(self.mutex)


door = {
    "lock": threading.Lock,
    "recursive": threading.RLock,
    "condition": threading.Condition,
    "acquire": threading.Lock,
    "c_lock": CLock,
}[program.mode() or "lock"]()
taken_often, keep, kept, never = (program.Gate() for _ in range(4))


def withdraw():
    if program.mode() == "acquire":
        door.acquire()
        door.release()
    else:
        with door:
            pass


def keeper():
    for _ in range(5):
        withdraw()
        time.sleep(0.001)
    taken_often.open()
    keep.pass_through()
    with door:
        kept.open()
        never.pass_through()


def forked():
    pid = os.fork()
    if pid == 0:
        withdraw()
        os._exit(program.FINE)
    return program.verdict(pid)


threading.Thread(target=keeper, name="keeper", daemon=True).start()
taken_often.pass_through()
if forked() != program.FINE:
    sys.exit(program.BROKEN)
keep.open()
kept.pass_through()
sys.exit(forked())
