"""A real freeze: a thread logs through a queue while the main thread starts a multiprocessing worker.

The thread is in the middle of `Queue.put` and holds the queue's lock. The worker is started by fork, so it gets a
copy of that lock, locked, but no copy of the thread that could release it. Its first log call never returns.

Without forkwatch, this program waits five seconds for its worker and then says that it is frozen:

    python3 examples/frozen_pool.py
"""

import logging
import logging.handlers
import multiprocessing
import os
import queue
import signal
import threading

in_the_middle = threading.Event()
carry_on = threading.Event()


class SlowQueue(queue.Queue):
    """A queue whose store is slow, so that the freeze is certain and not one run in a thousand."""

    def _put(self, item):
        in_the_middle.set()
        carry_on.wait()
        super()._put(item)


def log_a_line():
    logging.warning("hello from process %d", os.getpid())


if __name__ == "__main__":
    logging.basicConfig(handlers=[logging.handlers.QueueHandler(SlowQueue())])
    threading.Thread(target=log_a_line, name="logger", daemon=True).start()
    in_the_middle.wait()

    worker = multiprocessing.get_context("fork").Process(target=log_a_line)
    worker.start()
    worker.join(5)
    if worker.is_alive():
        print("the worker is frozen")
        os.kill(worker.pid, signal.SIGKILL)
    carry_on.set()
