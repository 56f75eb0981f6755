# Locks of the forking thread's own: one that the child releases before it takes it again, one that the child makes
# anew, and one that the child gives up waiting for.
#
# python: 3.6-3.15
# expect: silent
import os
import sys
import threading

import program

released = threading.Lock()
left = threading.Lock()
kept = threading.Lock()
released.acquire()
left.acquire()
kept.acquire()
pid = os.fork()
if pid == 0:
    released.release()
    released.acquire()
    left = threading.Lock()
    left.acquire()
    os._exit(program.BROKEN if kept.acquire(timeout=1) else program.FINE)
sys.exit(program.verdict(pid))
