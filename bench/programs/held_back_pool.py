"""Starts pools of two workers, which log, beside threads that log or fill the same queue. Prints,
and ends, as held_back.py does, without times.

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
UNTIL_STUCK = "UNTIL_STUCK" in os.environ
WORKERS = 2
# A worker that takes longer is stuck.
PATIENCE = 5
context = multiprocessing.get_context("fork")
items = queue.Queue()
logger = logging.getLogger("held_back")
logger.propagate = False
logger.addHandler(logging.handlers.QueueHandler(items))


def writer():
    while True:
        logger.error("a line")
        items.get()


def feeder():
    """As a writer, but without the work of making a line, so that the queue's lock is taken most of the time."""
    while True:
        items.put(None)
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


for number in range(THREADS):
    threading.Thread(target=feeder if number % 2 else writer, daemon=True).start()
forks = stuck = 0
while forks < FORKS and not (stuck and UNTIL_STUCK):
    stuck += run_pool()
    forks += WORKERS
print(json.dumps({"forks": forks, "stuck": stuck, "fork_us": [], "lock_us": []}), flush=True)
os._exit(0)
