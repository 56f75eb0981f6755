# H1: one lock was taken before the first thread was created and released after that, another one was released although
# it was free. Both are locks all the same: later, another thread holds them at a fork.
#
# python: 3.6-3.15
# bare: 0
# expect: unsafe_fork ERROR function=fork locks=2 owner=keeper threads=1
# suppress: unsafe_fork:*
import os
import sys
import threading

import program

before, in_vain = threading.Lock(), threading.Lock()
start, held, never = (program.Gate() for _ in range(3))


def take():
    """Returns with both, so that no frame shows them."""
    before.acquire()
    in_vain.acquire()


def keeper():
    start.pass_through()
    take()
    held.open()
    never.pass_through()


with before:
    threading.Thread(target=keeper, name="keeper", daemon=True).start()
try:
    in_vain.release()
    sys.exit(program.BROKEN)
except RuntimeError:
    start.open()
held.pass_through()
pid = os.fork()
if pid == 0:
    os._exit(program.FINE)
sys.exit(program.verdict(pid))
