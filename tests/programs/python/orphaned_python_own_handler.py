# A child that handles a signal takes the lock that its own thread took before the fork. A handler could leave the wait,
# but a lock is not taken in order to be released by one.
#
# python: 3.6-3.15
# expect: orphaned_lock ERROR call=sem_wait python=take blocking=true
# suppress: orphaned_lock:*
import os
import signal
import sys
import threading

import program

lock = threading.Lock()


def take():
    lock.acquire()


take()
pid = os.fork()
if pid == 0:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    take()
    os._exit(program.FINE)
sys.exit(program.verdict(pid))
