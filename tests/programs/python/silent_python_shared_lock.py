# A multiprocessing.Lock is held by another thread at the fork: its owner lives on in the parent, so the child waits for
# it and gets it.
#
# expect: at-most WARN
# expect: unsafe_fork WARN function=fork locks=0 threads=1
import multiprocessing
import os
import sys
import threading
import time

import program

lock = multiprocessing.get_context("fork").Lock()
held = program.Gate()
release = program.Gate()
never = program.Gate()


def keeper():
    with lock:
        held.open()
        release.pass_through()
    never.pass_through()


threading.Thread(target=keeper, daemon=True).start()
held.pass_through()
pid = os.fork()
if pid == 0:
    lock.acquire()
    lock.release()
    os._exit(program.FINE)
while not program.waits_for_ever(pid):
    time.sleep(0.001)
release.open()
status = os.waitpid(pid, 0)[1]
program.say("child: waited and got it" if status == 0 else "child: ended with status %#x" % status)
sys.exit(program.FINE if status == 0 else program.BROKEN)
