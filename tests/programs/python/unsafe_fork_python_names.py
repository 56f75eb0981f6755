# H1 in Python's words: the thread's name, its frames, the frames of the fork, and the name of the lock.
#
# python: 3.7-3.13.0
# expect: unsafe_fork ERROR function=fork python=start_worker locks=1 threads=1
# with: lock=semaphore owner=keeper name=*door*
# with: thread=keeper thread_python=guard
# allow: orphaned_lock FATAL
# allow: stuck_child FATAL
# suppress: unsafe_fork:start_worker
# suppress: orphaned_lock:*
# suppress: stuck_child:*
import os
import sys
import threading

import program


class House:
    def __init__(self):
        self.door = threading.Lock()
        self.held = program.Gate()
        self.never = program.Gate()

    def guard(self):
        with self.door:
            self.held.open()
            self.never.pass_through()

    def start_worker(self):
        pid = os.fork()
        if pid == 0:
            self.door.acquire()
            os._exit(program.FINE)
        return pid


house = House()
threading.Thread(target=house.guard, name="keeper", daemon=True).start()
house.held.pass_through()
sys.exit(program.verdict(house.start_worker()))
