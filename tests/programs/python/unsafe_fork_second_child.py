# H1, H2: one line forks twice. Nothing is new at the second fork, which is only counted; its child still calls the lock
# and its holder what the first child called them. (They need it in different places: a finding is reported once.)
#
# python: 3.6-3.15
# expect: unsafe_fork ERROR locks=1 threads=1 owner=keeper name=unsafe_fork_second_child.door
# expect: orphaned_lock FATAL owner=keeper name=unsafe_fork_second_child.door python=first_audit
# expect: orphaned_lock FATAL owner=keeper name=unsafe_fork_second_child.door python=second_audit
# suppress: unsafe_fork:*
# suppress: orphaned_lock:*
import os
import sys
import threading

import program

door = threading.Lock()
held = program.Gate()
never = program.Gate()


def first_audit():
    with door:
        os._exit(program.FINE)


def second_audit():
    with door:
        os._exit(program.FINE)


def keeper():
    with door:
        held.open()
        never.pass_through()


threading.Thread(target=keeper, name="keeper", daemon=True).start()
held.pass_through()
worst = program.FINE
for audit in (first_audit, second_audit):
    pid = os.fork()
    if pid == 0:
        audit()
    worst = max(worst, program.verdict(pid))
sys.exit(worst)
