# H2: a caller that usually only executes a program: its fork is not reported until its child needs an inherited lock.
#
# expect: unsafe_fork ERROR function=forkpty locks=1 python=send_clerk
# with: owner=keeper
# expect: orphaned_lock FATAL same_fork=yes python=send_clerk owner=keeper
# count: any
# suppress: unsafe_fork:*
# suppress: orphaned_lock:*
import os
import pty
import sys
import threading

import program

held = program.Gate()
never = program.Gate()
lock = threading.Lock()


def keep():
    with lock:
        held.open()
        never.pass_through()


def send_clerk():
    child, _ = pty.fork()
    if child == 0:
        with lock:
            os._exit(program.FINE)
    return child


threading.Thread(target=keep, name="keeper", daemon=True).start()
held.pass_through()
program.wait_until_idle(1)
sys.exit(program.verdict(send_clerk()))
