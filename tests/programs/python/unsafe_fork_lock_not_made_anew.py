# H1, H2: the functions for the child make other locks anew, or do not run: a fork in C does not call them.
#
# python: 3.7-3.15
# runs: {other,native,named}
# A fork in C does not stop the other threads of a build without an interpreter lock, so nothing is read of them.
# interpreter-lock: native
# expect: unsafe_fork ERROR locks=1 threads=1 python=send_clerk
# with: made_anew=false owner=keeper
# expect: orphaned_lock FATAL same_fork=yes python=send_clerk owner=keeper
# suppress: unsafe_fork:*
# suppress: orphaned_lock:*
import ctypes
import os
import sys
import threading

import program

held = program.Gate()
never = program.Gate()


class Vault:
    def __init__(self):
        self.door = threading.Lock()
        self.window = threading.Lock()

    def replace_window(self):
        self.window = threading.Lock()

    def replace_door(self):
        self.door = threading.Lock()

    def look_at_door(self):
        self.door.locked()


def keep_open(door):
    with door:
        held.open()
        never.pass_through()


def send_clerk(fork, vault):
    pid = fork()
    if pid == 0:
        with vault.door:
            os._exit(program.FINE)
    return pid


vault = Vault()
fork = os.fork
if program.mode() == "other":
    os.register_at_fork(after_in_child=vault.replace_window)
elif program.mode() == "named":
    os.register_at_fork(after_in_child=vault.look_at_door)
else:
    os.register_at_fork(after_in_child=vault.replace_door)
    # Keeps the interpreter lock.
    fork = ctypes.PyDLL(None).fork
threading.Thread(target=keep_open, args=(vault.door,), name="keeper", daemon=True).start()
held.pass_through()
program.wait_until_idle(1)
sys.exit(program.verdict(send_clerk(fork, vault)))
