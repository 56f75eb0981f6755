# H1, H2: a program that can follow the advice: it runs the statement in `WHERE_CREATED` where the lock is created,
# and the one in `IN_CHILD` before the child uses the lock.
#
# python: 3.6-3.15
# expect: unsafe_fork ERROR locks=1 threads=1 owner=keeper
# expect: orphaned_lock FATAL same_fork=yes owner=keeper
# suppress: unsafe_fork:*
# suppress: orphaned_lock:*
import os
import sys
import threading

import program

held = program.Gate()
never = program.Gate()


class Vault:
    def __init__(self):
        self.door = threading.Lock()
        exec(os.environ.get("WHERE_CREATED", ""))

    def assign_new_lock(self):
        self.door = threading.Lock()

    def keep_open(self):
        with self.door:
            held.open()
            never.pass_through()

    def open_in_child(self):
        exec(os.environ.get("IN_CHILD", ""))
        with self.door:
            os._exit(program.FINE)


vault = Vault()
threading.Thread(target=vault.keep_open, name="keeper", daemon=True).start()
held.pass_through()
program.wait_until_idle(1)
pid = os.fork()
if pid == 0:
    vault.open_in_child()
sys.exit(program.verdict(pid))
