# H3: a thread forks while the main thread waits for it, and while a thread that `threading` did not begin is alive:
# both are reported by the names that `threading` gives them.
#
# python: 3.6-3.15
# bare: 0
# expect: unsafe_fork WARN function=fork locks=0 threads=2 python=fork
# with: thread=Boss
# with: thread=Dummy-1 thread_python=stranger
# suppress: unsafe_fork:*
import _thread
import os
import sys
import threading
import time

import program

up = program.Gate()
never = program.Gate()
started = program.Gate()
ends = []


def stranger():
    # Whoever asks for its own thread gets an object made for it.
    threading.current_thread()
    up.open()
    never.pass_through()


def fork():
    # The main thread waits for its end, without a lock in hand.
    started.pass_through()
    while not program.waits_for_ever("self/task/%d" % os.getpid()):
        time.sleep(0.001)
    pid = os.fork()
    if pid == 0:
        os._exit(program.FINE)
    ends.append(program.verdict(pid))


threading.current_thread().name = "Boss"
_thread.start_new_thread(stranger, ())
up.pass_through()
thread = threading.Thread(target=fork)
thread.start()
started.open()
thread.join()
sys.stdout.flush()
os._exit(ends[0])
