# H1: locks in the ways in which programs keep them are found and named: a variable of the module, one that functions
# share, an attribute of an attribute, one in a slot, one of the class, a list's or a deque's element, a dictionary's
# value, a slot of `threading`'s own objects, and the lock of a logging handler.
#
# python: 3.6-3.15
# bare: 0
# expect: unsafe_fork function=fork locks=1 threads=1 owner=keeper name="$2*"
# suppress: unsafe_fork:*
# runs: module unsafe_fork_lock_names.module_lock
# runs: shared outer_lock
# runs: attribute Whole.parts.lock
# runs: slot Slotted.lock
# runs: class_attribute unsafe_fork_lock_names.Shared.shared
# runs: element locks[1]
# runs: deque_element locks[1]
# runs: value locks["b"]
# runs: condition condition._lock
# runs: queue items.mutex
# runs: handler logging.root.handlers[0].lock
import collections
import logging
import os
import queue
import sys
import threading

import program

held = program.Gate()
never = program.Gate()
module_lock = threading.Lock()


def stay():
    held.open()
    never.pass_through()


class Parts:
    def __init__(self):
        self.lock = threading.Lock()


class Whole:
    def __init__(self):
        self.parts = Parts()

    def keep(self):
        with self.parts.lock:
            stay()


class Slotted:
    __slots__ = ("count", "lock")

    def __init__(self):
        self.lock = threading.Lock()

    def keep(self):
        with self.lock:
            stay()


class Shared:
    shared = threading.Lock()


class Sharing(Shared):
    def keep(self):
        with self.shared:
            stay()


class SlowStream:
    def write(self, text):
        pass

    def flush(self):
        # At the program's end, logging flushes once more.
        if threading.current_thread().name == "keeper":
            stay()


def module():
    with module_lock:
        stay()


def sharing():
    outer_lock = threading.Lock()

    def shared():
        with outer_lock:
            stay()

    return shared


def element():
    locks = [threading.Lock(), threading.Lock()]
    with locks[1]:
        stay()


def deque_element():
    locks = collections.deque([threading.Lock(), threading.Lock()])
    with locks[1]:
        stay()


def value():
    locks = {"a": threading.Lock(), "b": threading.Lock()}
    with locks["b"]:
        stay()


def condition():
    condition = threading.Condition()
    with condition:
        stay()


def full_queue():
    items = queue.Queue()
    with items.mutex:
        stay()


def handler():
    logging.getLogger().addHandler(logging.StreamHandler(SlowStream()))
    logging.error("an error")


ways = {
    "module": module,
    "shared": sharing(),
    "attribute": Whole().keep,
    "slot": Slotted().keep,
    "class_attribute": Sharing().keep,
    "element": element,
    "deque_element": deque_element,
    "value": value,
    "condition": condition,
    "queue": full_queue,
    "handler": handler,
}
threading.Thread(target=ways[program.mode()], name="keeper", daemon=True).start()
held.pass_through()
pid = os.fork()
if pid == 0:
    os._exit(program.FINE)
status = program.verdict(pid)
never.open()
sys.exit(status)
