# H1: a thread has called `acquire`. The line of that call is named while the thread is in the function, if the function
# calls `acquire` of this lock in one place; of another lock does not count, and what is not certain is not said.
#
# python: 3.6-3.14
# bare: 0
# expect: unsafe_fork ERROR function=fork locks=1 owner=keeper taken=$2
# suppress: unsafe_fork:*
# runs: plain plain:27
# runs: in_try in_try:35
# runs: shared *shared:46
# runs: twice nowhere
# runs: returned nowhere
# runs: other nowhere
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


def returned():
    door.acquire()
    return stay


class Pair:
    def __init__(self):
        self.door = threading.Lock()
        self.other = door

    def run(self, one):
        one.door.acquire()
        one.door.release()
        stay()


def other():
    door.acquire()
    return lambda: Pair().run(Pair())


def stay():
    held.open()
    never.pass_through()


ways = {"plain": plain, "in_try": in_try, "shared": around(), "twice": twice}
way = program.mode()


def keep():
    if way in ways:
        ways[way]()
    else:
        {"returned": returned, "other": other}[way]()()


threading.Thread(target=keep, name="keeper", daemon=True).start()
held.pass_through()
pid = os.fork()
if pid == 0:
    os._exit(program.FINE)
status = program.verdict(pid)
never.open()
sys.exit(status)
