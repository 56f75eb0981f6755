# H3: a thread forks while the main thread waits for it, and while a thread that `threading` did not begin is alive: both are told by
# the names that `threading` gives them.
#
# python: 3.6-3.14
# bare: 0
# expect: unsafe_fork WARN function=fork locks=0 threads=2 python=fork
# with: thread=Boss
# with: thread=Dummy-1 thread_python=stranger
# suppress: unsafe_fork:*
import _thread
import os
import sys
import threading

import program

up = program.Gate()
never = program.Gate()
ends = []


def stranger():
    # Whoever asks for its own thread gets an object made for it.
    threading.current_thread()
    up.open()
    never.pass_through()


def fork():
    pid = os.fork()
    if pid == 0:
        os._exit(program.FINE)
    ends.append(program.verdict(pid))


threading.current_thread().name = "Boss"
_thread.start_new_thread(stranger, ())
up.pass_through()
thread = threading.Thread(target=fork)
thread.start()
thread.join()
sys.stdout.flush()
os._exit(ends[0])
