# A lock of the forking thread's own that the child releases before it takes it again, and one that the child makes
# anew.
#
# python: 3.6-3.15
# expect: silent
import os
import sys
import threading

import program

released = threading.Lock()
left = threading.Lock()
released.acquire()
left.acquire()
pid = os.fork()
if pid == 0:
    released.release()
    released.acquire()
    left = threading.Lock()
    left.acquire()
    os._exit(program.FINE)
sys.exit(program.verdict(pid))
