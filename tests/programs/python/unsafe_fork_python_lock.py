# H1, H2: a thread holds a threading lock at the fork. The child waits for it for ever. Up to CPython 3.13.0
# these locks are semaphores; later ones have a state of their own, and pass no hook.
#
# python: 3.6-3.15
# expect: unsafe_fork ERROR function=fork locks=1 threads=1 owner=keeper
# expect: orphaned_lock FATAL call=sem_wait owner=keeper python=<module> blocking=true same_fork=yes
# suppress: unsafe_fork:*
# suppress: orphaned_lock:*
# suppress: stuck_child:*
# runs: {lock,rlock}
import os
import sys
import threading

import program

lock = threading.RLock() if program.mode() == "rlock" else threading.Lock()
held = program.Gate()
never = program.Gate()


def keeper():
    with lock:
        held.open()
        never.pass_through()


threading.Thread(target=keeper, name="keeper", daemon=True).start()
held.pass_through()
pid = os.fork()
if pid == 0:
    lock.acquire()
    os._exit(program.FINE)
sys.exit(program.verdict(pid))
