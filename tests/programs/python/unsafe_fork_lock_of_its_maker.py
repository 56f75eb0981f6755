# A thread takes the lock that it made last, and computes. Nothing shows the lock's name: only an iterator has it, as C
# code keeps such locks. What `Condition.wait` makes and takes looks the same, except for where the thread is.
#
# expect: unsafe_fork ERROR function=fork locks=1 threads=1
# with: owner=keeper
# expect: orphaned_lock FATAL owner=keeper python=<module> blocking=true same_fork=yes
# suppress: unsafe_fork:*
# suppress: orphaned_lock:*
# suppress: stuck_child:*
import itertools
import os
import sys
import threading

import program

held = program.Gate()
locks = None


def keeper():
    global locks
    held.open()
    locks = itertools.repeat(threading.Lock())
    next(locks).acquire()
    while True:
        pass


threading.Thread(target=keeper, name="keeper", daemon=True).start()
held.pass_through()
while locks is None or not next(locks).locked():
    pass
pid = os.fork()
if pid == 0:
    next(locks).acquire()
    os._exit(program.FINE)
sys.exit(program.verdict(pid))
