# H1: a thread has called `acquire` in a function that it has left. No line says where the lock was taken, and a call of
# another lock's `acquire`, in a function that it has not left, does not either.
#
# Locks that have their state in a byte do not say who holds them.
#
# python: 3.6-3.15
# bare: 0
# expect: unsafe_fork ERROR function=fork locks=1 owner=keeper taken=nowhere
# suppress: unsafe_fork:*
# runs: returned
# runs: in_block
# runs: other
import contextlib
import os
import sys
import threading

import program

held = program.Gate()
never = program.Gate()
door = threading.Lock()


def take():
    door.acquire()


def returned():
    take()
    stay()


def in_block():
    with contextlib.suppress(ValueError):
        take()
        stay()


class Pair:
    def __init__(self):
        self.door = threading.Lock()
        self.other = door

    def run(self, one):
        one.door.acquire()
        one.door.release()
        stay()


def other():
    take()
    Pair().run(Pair())


def stay():
    held.open()
    never.pass_through()


ways = {"returned": returned, "in_block": in_block, "other": other}

threading.Thread(target=ways[program.mode()], name="keeper", daemon=True).start()
held.pass_through()
pid = os.fork()
if pid == 0:
    os._exit(program.FINE)
status = program.verdict(pid)
never.open()
sys.exit(status)
