# H13: nobody holds a lock that counts; the child waits for what a thread of the parent would have done: the future of
# an inherited pool, an item of a queue, an event, the end of an import that another thread has begun.
#
# python: 3.8-3.15
# expect: unsafe_fork WARN locks=0
# expect: stuck_child FATAL same_fork=yes
# allow: thread_after_fork
# suppress: *:*
# runs: {future,queue,event,condition,semaphore}
import os
import queue
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import program

events = threading.Event()
items = queue.Queue()
condition = threading.Condition()
semaphore = threading.Semaphore(0)
up = program.Gate()
never = program.Gate()


def work():
    up.open()
    never.pass_through()


def wait(mode, future):
    if mode == "future":
        future.result()
    elif mode == "queue":
        items.get()
    elif mode == "event":
        events.wait()
    elif mode == "condition":
        with condition:
            condition.wait()
    else:
        semaphore.acquire()


mode = program.mode()
future = None
if mode == "future":
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
else:
    threading.Thread(target=work, name="worker", daemon=True).start()
up.pass_through()
child = os.fork()
if child == 0:
    wait(mode, future)
    os._exit(program.FINE)
end = program.verdict(child)
sys.stdout.flush()
os._exit(end)
