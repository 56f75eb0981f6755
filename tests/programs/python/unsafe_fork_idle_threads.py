# H3: a thread is alive and idle, in each way in which Python threads are. It holds no lock that anyone else could want:
# not the lock that every running Thread holds by design up to 3.12, nor the one inside `Condition.wait`.
#
# bare: 0
# expect: unsafe_fork WARN function=fork locks=0 threads=1
# suppress: unsafe_fork:*
# runs: {event,event_timeout,queue,condition,sleep,executor,asyncio,listener,timer,read}
import asyncio
import concurrent.futures
import logging.handlers
import os
import queue
import sys
import threading
import time

import program

never = program.Gate()
event = threading.Event()
condition = threading.Condition()


def wait_for_condition():
    with condition:
        condition.wait()


def idle(mode):
    if mode == "executor":
        executor = concurrent.futures.ThreadPoolExecutor(1)
        executor.submit(int).result()
        return executor
    if mode == "asyncio":
        loop = asyncio.new_event_loop()
        loop.run_until_complete(loop.run_in_executor(None, int))
        return loop
    if mode == "listener":
        listener = logging.handlers.QueueListener(queue.Queue())
        listener.start()
        return listener
    if mode == "timer":
        timer = threading.Timer(3600, int)
        timer.daemon = True
        timer.start()
        return timer
    target = {
        "event": event.wait,
        "event_timeout": lambda: event.wait(3600),
        "queue": queue.Queue().get,
        "condition": wait_for_condition,
        "sleep": lambda: time.sleep(3600),
        "read": never.pass_through,
    }[mode]
    thread = threading.Thread(target=target, name="idler", daemon=True)
    thread.start()
    return thread


kept = idle(program.mode())
program.wait_until_idle(1)
pid = os.fork()
if pid == 0:
    event.set()
    with condition:
        condition.notify_all()
    os._exit(program.FINE)
sys.exit(program.verdict(pid))
