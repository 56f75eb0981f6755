# H1, H2: a thread holds a lock that is an attribute of an object. The finding says what the program calls the lock, who
# has it, and where both threads are in Python; the child's says where the child is.
#
# python: 3.6-3.15
# expect: unsafe_fork ERROR function=fork locks=1 threads=2 python=send_clerk
# with: name="Vault.door of unsafe_fork_named_lock.vault" owner=keeper taken=Vault.keep_open:32
# with: thread=keeper thread_python=keep_open
# with: thread=idler thread_python=wait
# expect: orphaned_lock FATAL same_fork=yes python=open_door
# with: name="Vault.door of unsafe_fork_named_lock.vault" owner=keeper taken=Vault.keep_open:32
# count: any
# allow: stuck_child FATAL
# suppress: unsafe_fork:*
# suppress: orphaned_lock:*
# suppress: stuck_child:*
import os
import sys
import threading

import program

held = program.Gate()
never = program.Gate()


class Vault:
    def __init__(self):
        self.gold = 1000
        self.door = threading.Lock()

    def keep_open(self):
        with self.door:
            held.open()
            never.pass_through()

    def open_door(self):
        with self.door:
            return self.gold


def send_clerk(vault):
    pid = os.fork()
    if pid == 0:
        vault.open_door()
        os._exit(program.FINE)
    return pid


vault = Vault()
threading.Thread(target=vault.keep_open, name="keeper", daemon=True).start()
held.pass_through()
threading.Thread(target=threading.Event().wait, name="idler", daemon=True).start()
program.wait_until_idle(2)
sys.exit(program.verdict(send_clerk(vault)))
