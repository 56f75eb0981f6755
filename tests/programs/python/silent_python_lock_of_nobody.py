# A lock that says whose turn it is: one thread takes it, and another one releases it. So nobody holds it at the fork,
# though the worker was the last to take it and is still in the function that did, and the child releases it like its
# parent.
#
# python: 3.6-3.15
# expect: at-most WARN
# expect: unsafe_fork WARN function=fork locks=0 threads=1
import os
import sys
import threading

import program

turn = threading.Lock()
taken = program.Gate()
never = program.Gate()


def worker():
    for _ in range(2):
        turn.acquire()
        taken.open()
    never.pass_through()


threading.Thread(target=worker, daemon=True).start()
taken.pass_through()
turn.release()
taken.pass_through()
pid = os.fork()
if pid == 0:
    turn.release()
    turn.acquire()
    os._exit(program.FINE)
sys.exit(program.verdict(pid))
