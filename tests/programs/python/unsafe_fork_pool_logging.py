# H1, H2 as reported: a thread logs through a queue while the main thread starts a multiprocessing pool. The thread is
# in the middle of `Queue.put`, so it holds the queue's mutex; the pool's worker logs first thing, through the same
# queue, and freezes.
#
# python: 3.6-3.15
# expect: unsafe_fork ERROR function=fork name="logging.root.handlers[0].queue.mutex"
# allow: orphaned_lock FATAL
# allow: stuck_child FATAL
# suppress: unsafe_fork:*
# suppress: orphaned_lock:*
# suppress: stuck_child:*
# end: abrupt
import logging
import logging.handlers
import multiprocessing
import os
import queue
import signal
import threading
import time

import program

inside = program.Gate()
release = program.Gate()


class SlowQueue(queue.Queue):
    """A queue whose store takes its time, under the queue's mutex."""

    def _put(self, item):
        inside.open()
        release.pass_through()
        super()._put(item)


def log_something():
    logging.info("from %s", threading.current_thread().name)


def main():
    logging.basicConfig(level=logging.INFO, handlers=[logging.handlers.QueueHandler(SlowQueue())])
    threading.Thread(target=log_something, name="logger", daemon=True).start()
    inside.pass_through()
    pool = multiprocessing.get_context("fork").Pool(1, initializer=log_something)
    worker = pool._pool[0]
    for _ in range(5000):
        if program.waits_for_ever(worker.pid):
            program.say("worker: stuck")
            os.kill(worker.pid, signal.SIGKILL)
            os._exit(program.REALISED)
        if not worker.is_alive():
            break
        time.sleep(0.002)
    program.say("worker: fine")
    os._exit(program.FINE)


if __name__ == "__main__":
    main()
