# H1: a thread holds a lock in a `with` block that it has entered in another line than it is at. The finding says which
# line that was, where the frames show it for certain, and no line where they do not.
#
# python: 3.6-3.15
# bare: 0
# expect: unsafe_fork ERROR function=fork locks=1 owner=keeper
# suppress: unsafe_fork:*
# runs: block
# runs: method
# runs: nested
# runs: recursive
# runs: condition
# runs: after_block
# runs: stacked
import contextlib
import os
import sys
import threading

import program

held = program.Gate()
never = program.Gate()
lock = threading.Lock()
other = threading.Lock()
rlock = threading.RLock()
condition = threading.Condition(threading.Lock())


def stay():
    held.open()
    never.pass_through()


def block():
    with lock:  # block
        for _ in range(1):
            try:
                stay()
            finally:
                pass


class Vault:
    def __init__(self):
        self.door = threading.Lock()

    def method(self):
        with open(os.devnull) as file:
            with self.door:  # method
                file.read()
                stay()


def nested():
    def inner():
        stay()

    with lock:  # nested
        inner()


def recursive():
    with rlock:  # recursive
        with rlock:
            stay()


def holds_condition():
    with condition:  # condition
        stay()


def after_block():
    with other:
        pass
    if held:
        with other:
            pass
    with lock:  # after_block
        with contextlib.suppress(ValueError):
            int("a")
        stay()


def stacked():
    with contextlib.ExitStack() as stack:
        stack.enter_context(lock)
        stay()


ways = {
    "block": block,
    "method": Vault().method,
    "nested": nested,
    "recursive": recursive,
    "condition": holds_condition,
    "after_block": after_block,
    "stacked": stacked,
}

threading.Thread(target=ways[program.mode()], name="keeper", daemon=True).start()
held.pass_through()
pid = os.fork()
if pid == 0:
    os._exit(program.FINE)
status = program.verdict(pid)
sys.stdout.flush()
os._exit(status)
