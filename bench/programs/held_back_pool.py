"""Starts pools of two workers, which log, beside threads that log or fill the same queue. Prints, and
ends, as held_back.py does, without times. A worker is stuck if it has begun to log and does not go on, or
neither begins nor ends; one that waits for a task that another worker keeps is not.

usage: held_back_pool.py THREADS FORKS
"""

import json
import logging
import logging.handlers
import mmap
import multiprocessing.pool
import os
import queue
import sys
import threading

THREADS, FORKS = int(sys.argv[1]), int(sys.argv[2])
UNTIL_STUCK = "UNTIL_STUCK" in os.environ
WORKERS = 2
# A worker that takes longer is stuck.
PATIENCE = 5
context = multiprocessing.get_context("fork")
items = queue.Queue()
logger = logging.getLogger("held_back")
logger.propagate = False
logger.addHandler(logging.handlers.QueueHandler(items))
# What each worker does, at its process id: shared with the workers.
IDLE, LOGS = 1, 2
doing = mmap.mmap(-1, 1 << 22)
# A pool whose worker is stuck is never terminated: that would wait for a lock that a worker may have been killed with.
abandoned = []


def writer():
    while True:
        logger.error("a line")
        items.get()


def feeder():
    """As a writer, but without the work of making a line, so that the queue's lock is taken most of the time."""
    while True:
        items.put(None)
        items.get()


def begin():
    doing[os.getpid()] = IDLE


def work(number):
    doing[os.getpid()] = LOGS
    logger.error("number %d", number)
    doing[os.getpid()] = IDLE
    return number


def run_pool():
    """A pool from its start to its end: how many of its workers got stuck."""
    pool = context.Pool(WORKERS, begin)
    workers = list(pool._pool)
    try:
        pool.map_async(work, range(2 * WORKERS)).get(PATIENCE)
    except multiprocessing.TimeoutError:
        stuck = [worker for worker in workers if worker.is_alive() and doing[worker.pid] != IDLE]
        if not stuck:
            print("no worker is stuck, and a task is lost", file=sys.stderr, flush=True)
            os._exit(1)
    else:
        pool.close()
        for worker in workers:
            worker.join(PATIENCE)
        stuck = [worker for worker in workers if worker.is_alive()]
    if stuck:
        # Nobody shall replace the workers.
        pool._worker_handler._state = multiprocessing.pool.TERMINATE
        for worker in workers:
            worker.kill()
        abandoned.append(pool)
    else:
        pool.terminate()
    for worker in workers:
        doing[worker.pid] = 0
    return len(stuck)


for number in range(THREADS):
    threading.Thread(target=feeder if number % 2 else writer, daemon=True).start()
forks = stuck = 0
while forks < FORKS and not (stuck and UNTIL_STUCK):
    stuck += run_pool()
    forks += WORKERS
print(json.dumps({"forks": forks, "stuck": stuck, "fork_us": [], "lock_us": []}), flush=True)
os._exit(0)
