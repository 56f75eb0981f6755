# H1: a thread holds one lock, in each way in which code comes to hold one: by a block, by hand, through an object
# that has the lock, in a function that has returned since, in a generator or coroutine that stands still. The finding
# names it, and who has it.
#
# python: 3.8-3.15
# bare: 0
# expect: unsafe_fork ERROR function=fork locks=1 owner=keeper name="$2*"
# suppress: unsafe_fork:*
# runs: by_hand unsafe_fork_lock_ways.lock
# runs: by_hand_with_timeout unsafe_fork_lock_ways.lock
# runs: by_hand_finally Vault.door
# runs: condition Condition._lock
# runs: condition_of_lock unsafe_fork_lock_ways.lock
# runs: guard Guard.inner
# runs: generator unsafe_fork_lock_ways.lock
# runs: generator_by_hand unsafe_fork_lock_ways.lock
# runs: generator_in_loop unsafe_fork_lock_ways.lock
# runs: exit_stack unsafe_fork_lock_ways.lock
# runs: coroutine unsafe_fork_lock_ways.lock
# runs: two_blocks unsafe_fork_lock_ways.second
# runs: inner_block unsafe_fork_lock_ways.lock
# runs: in_handler unsafe_fork_lock_ways.lock
# runs: returned Vault.door
# runs: recursive unsafe_fork_lock_ways.rlock
# runs: recursive_by_hand unsafe_fork_lock_ways.rlock
# runs: awaited unsafe_fork_lock_ways.lock
# runs: after_condition_wait unsafe_fork_lock_ways.lock
import asyncio
import contextlib
import os
import sys
import threading

import program

held = program.Gate()
never = program.Gate()
lock = threading.Lock()
second = threading.Lock()
rlock = threading.RLock()
condition = threading.Condition()
condition_of_lock = threading.Condition(lock)


def stay():
    held.open()
    never.pass_through()


def by_hand():
    lock.acquire()
    stay()
    lock.release()


def by_hand_with_timeout():
    if second.acquire(timeout=1):
        second.release()
    if lock.acquire(True, timeout=float(5)):
        stay()


class Vault:
    def __init__(self):
        self.door = threading.Lock()

    def by_hand_finally(self):
        self.door.acquire()
        try:
            stay()
        finally:
            self.door.release()

    def take(self):
        self.door.acquire()

    def returned(self):
        self.take()
        stay()


def holds_condition():
    with condition:
        stay()


def holds_condition_of_lock():
    with condition_of_lock:
        stay()


class Guard:
    def __init__(self):
        self.inner = threading.Lock()

    def __enter__(self):
        self.inner.acquire()

    def __exit__(self, *exception):
        self.inner.release()

    def keep(self):
        with self:
            stay()


@contextlib.contextmanager
def opened():
    with lock:
        yield


def generator():
    with opened():
        stay()


@contextlib.contextmanager
def opened_by_hand():
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def generator_by_hand():
    with opened_by_hand():
        stay()


def lines():
    with lock:
        yield "a"
        yield "b"


def generator_in_loop():
    for _ in lines():
        stay()


def exit_stack():
    with contextlib.ExitStack() as stack:
        stack.enter_context(lock)
        stay()


async def inner_coroutine():
    with lock:
        held.open()
        await asyncio.sleep(1000)


async def outer_coroutine():
    await inner_coroutine()


def coroutine():
    asyncio.run(outer_coroutine())


def two_blocks():
    with lock:
        pass
    with second:
        stay()


def inner_block():
    with open(os.devnull) as file, lock:
        for line in ["a"]:
            try:
                stay()
            except ValueError:
                print(file, line)


def in_handler():
    with lock:
        try:
            raise ValueError
        except ValueError:
            stay()


def recursive():
    with rlock, rlock:
        stay()


def recursive_by_hand():
    rlock.acquire()
    stay()


def after_condition_wait():
    with condition_of_lock:
        condition_of_lock.wait(0.001)
        stay()


ways = {
    "by_hand": by_hand,
    "by_hand_with_timeout": by_hand_with_timeout,
    "by_hand_finally": Vault().by_hand_finally,
    "condition": holds_condition,
    "condition_of_lock": holds_condition_of_lock,
    "guard": Guard().keep,
    "generator": generator,
    "generator_by_hand": generator_by_hand,
    "generator_in_loop": generator_in_loop,
    "exit_stack": exit_stack,
    "coroutine": coroutine,
    "two_blocks": two_blocks,
    "inner_block": inner_block,
    "in_handler": in_handler,
    "returned": Vault().returned,
    "recursive": recursive,
    "recursive_by_hand": recursive_by_hand,
    "awaited": by_hand,
    "after_condition_wait": after_condition_wait,
}


def want():
    with lock:
        pass


threading.Thread(target=ways[program.mode()], name="keeper", daemon=True).start()
held.pass_through()
if program.mode() == "coroutine":
    program.wait_until_idle(1)
if program.mode() == "awaited":
    threading.Thread(target=want, name="waiter", daemon=True).start()
    program.wait_until_idle(2)
pid = os.fork()
if pid == 0:
    os._exit(program.FINE)
status = program.verdict(pid)
sys.stdout.flush()
os._exit(status)
