"""Starts pools of two workers, which log, beside threads that log. Prints as held_back.py does, without times.

usage: held_back_pool.py THREADS FORKS
"""

import json
import logging
import logging.handlers
import multiprocessing
import os
import queue
import sys
import threading

THREADS, FORKS = int(sys.argv[1]), int(sys.argv[2])
WORKERS = 2
# A worker that takes longer is stuck.
PATIENCE = 8
context = multiprocessing.get_context("fork")
items = queue.Queue()
logger = logging.getLogger("held_back")
logger.propagate = False
logger.addHandler(logging.handlers.QueueHandler(items))


def keeper():
    while True:
        logger.error("a line")
        items.get()


def work(number):
    logger.error("number %d", number)
    return number


def run_pool():
    """A pool from its start to its end: how many of its workers got stuck."""
    pool = context.Pool(WORKERS)
    try:
        pool.map_async(work, range(2 * WORKERS)).get(PATIENCE)
        pool.close()
    except multiprocessing.TimeoutError:
        pass
    workers = list(pool._pool)
    for worker in workers:
        worker.join(PATIENCE)
    stuck = [worker for worker in workers if worker.is_alive()]
    for worker in stuck:
        os.kill(worker.pid, 9)
    pool.terminate()
    return len(stuck)


for _ in range(THREADS):
    threading.Thread(target=keeper, daemon=True).start()
stuck = sum(run_pool() for _ in range(FORKS // WORKERS))
print(json.dumps({"forks": FORKS, "stuck": stuck, "fork_us": [], "lock_us": []}), flush=True)
os._exit(0)
