# H1: a thread has called `acquire`. The line of that call is named while the thread is in the function, if the function
# calls `acquire` of this lock in one place; what is not certain is not said.
#
# python: 3.6-3.15
# bare: 0
# expect: unsafe_fork ERROR function=fork locks=1 owner=keeper taken=$2
# suppress: unsafe_fork:*
# runs: plain plain:25
# runs: in_try in_try:33
# runs: shared *shared:44
# runs: twice nowhere
import os
import sys
import threading

import program

held = program.Gate()
never = program.Gate()
door = threading.Lock()
window = threading.Lock()


def plain():
    door.acquire()
    stay()
    door.release()


def in_try():
    window.acquire()
    window.release()
    door.acquire(True, 5)
    try:
        stay()
    finally:
        door.release()


def around():
    lock = threading.Lock()

    def shared():
        lock.acquire()
        stay()
        return lock

    return shared


def twice():
    door.acquire()
    door.release()
    door.acquire()
    stay()


def stay():
    held.open()
    never.pass_through()


ways = {"plain": plain, "in_try": in_try, "shared": around(), "twice": twice}

threading.Thread(target=ways[program.mode()], name="keeper", daemon=True).start()
held.pass_through()
pid = os.fork()
if pid == 0:
    os._exit(program.FINE)
status = program.verdict(pid)
never.open()
sys.exit(status)
