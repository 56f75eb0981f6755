# A child that handles signals, as every daemon does, waits for a lost thread: for an item of a queue, for the work on
# one, for a future. A handler could leave the wait, but it does not do the thread's work.
#
# python: 3.8-3.15
# expect: unsafe_fork WARN locks=0
# expect: stuck_child ERROR same_fork=yes
# allow: thread_after_fork
# suppress: *:*
# runs: {get,work,future}
import os
import queue
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import program

items = queue.Queue()
up = program.Gate()
never = program.Gate()


def work():
    up.open()
    never.pass_through()


def wait(mode, future):
    if mode == "future":
        future.result()
    elif mode == "get":
        items.get()
    else:
        items.put(1)
        items.join()


pool = ThreadPoolExecutor(1)
future = pool.submit(work)
up.pass_through()
child = os.fork()
if child == 0:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    wait(program.mode(), future)
    os._exit(program.FINE)
end = program.verdict(child)
sys.stdout.flush()
os._exit(end)
