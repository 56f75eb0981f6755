"""Forks beside threads that take Python locks all the time; each child takes the same lock. Prints, and
ends, as held_back.c does.

usage: held_back.py lock|queue|logging|tqdm|objectid THREADS FORKS [child-takes-nothing]
"""

import json
import logging
import logging.handlers
import os
import queue
import signal
import sys
import threading
import time

KIND, THREADS, FORKS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
TAKES = len(sys.argv) < 5
UNTIL_STUCK = "UNTIL_STUCK" in os.environ
lock = threading.Lock()
items = queue.Queue()
logger = logging.getLogger("held_back")
logger.propagate = False
logger.addHandler(logging.handlers.QueueHandler(items))


def use_lock():
    with lock:
        sum(range(300))


def use_queue():
    items.put(1)
    items.get()


def use_logging():
    logger.error("a line")
    items.get()


def use_tqdm():
    from tqdm import tqdm

    with tqdm.get_lock():
        sum(range(300))


def use_objectid():
    from bson.objectid import ObjectId

    ObjectId()


use = globals()["use_" + KIND]


def keeper():
    while True:
        use()


def measured_keeper(samples):
    while True:
        before = time.perf_counter()
        use()
        samples.append((time.perf_counter() - before) * 1e6)


def percentiles(samples):
    """The median, the 99th percentile, and the longest."""
    samples = sorted(samples)
    return [round(us, 1) for us in (samples[len(samples) // 2], samples[len(samples) * 99 // 100], samples[-1])]


def main():
    use()
    stuck, taken, lock_calls = 0, [], []
    threading.Thread(target=measured_keeper, args=(lock_calls,), daemon=True).start()
    for _ in range(THREADS - 1):
        threading.Thread(target=keeper, daemon=True).start()
    time.sleep(0.05)
    for _ in range(FORKS):
        before = time.perf_counter()
        child = os.fork()
        if child == 0:
            signal.alarm(5)
            if TAKES:
                use()
            os._exit(0)
        taken.append((time.perf_counter() - before) * 1e6)
        stuck += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        if stuck and UNTIL_STUCK:
            break
    figures = {"fork_us": percentiles(taken), "lock_us": percentiles(lock_calls)}
    print(json.dumps({"forks": len(taken), "stuck": stuck, **figures}), flush=True)
    os._exit(0)


main()
