# The child waits, with a time-out, for what only a thread of the parent would have done: each wait ends.
#
# expect: at-most WARN
# expect: unsafe_fork WARN function=fork threads=1
# allow: thread_after_fork
# runs: {queue,event,condition,future,join}
import concurrent.futures
import os
import queue
import sys
import threading

import program

items = queue.Queue()
event = threading.Event()
condition = threading.Condition()
future = concurrent.futures.Future()
never = program.Gate()
idler = threading.Thread(target=never.pass_through, daemon=True)


def wait(mode):
    if mode == "queue":
        try:
            items.get(timeout=0.05)
        except queue.Empty:
            pass
    if mode == "event":
        event.wait(0.05)
    if mode == "condition":
        with condition:
            condition.wait(0.05)
    if mode == "future":
        concurrent.futures.wait([future], timeout=0.05)
    if mode == "join":
        idler.join(0.05)


idler.start()
program.wait_until_idle(1)
pid = os.fork()
if pid == 0:
    wait(program.mode())
    os._exit(program.FINE)
sys.exit(program.verdict(pid))
