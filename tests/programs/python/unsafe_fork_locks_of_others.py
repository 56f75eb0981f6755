# H3: locks are held at the fork, and none of them by another thread: by the forking thread, which another one
# waits for or has left; or released for the time of a wait.
#
# python: 3.8-3.15
# bare: 0
# expect: unsafe_fork WARN function=fork locks=0 threads=1
# suppress: unsafe_fork:*
# runs: {own_block,own_by_hand,own_awaited,own_condition,own_recursive}
# runs: {released,released_by_hand,left_block,before,in_wait}
import os
import sys
import threading

import program

up = program.Gate()
never = program.Gate()
lock = threading.Lock()
rlock = threading.RLock()
condition = threading.Condition(lock)


def stay():
    up.open()
    never.pass_through()


class Vault:
    def __init__(self, door):
        self.door = door

    def idle(self):
        stay()
        with self.door:
            pass

    def want(self):
        up.open()
        with self.door:
            pass

    def want_by_hand(self):
        up.open()
        self.door.acquire()
        self.door.release()


def wait_for_condition():
    with condition:
        up.open()
        condition.wait()


def released():
    with lock:
        lock.release()
        try:
            stay()
        finally:
            lock.acquire()


def released_by_hand():
    lock.acquire()
    lock.release()
    stay()


def left_block():
    for _ in range(3):
        with lock, rlock:
            pass
    stay()
    lock.acquire()


def before():
    stay()
    with lock:
        pass


def fork():
    pid = os.fork()
    if pid == 0:
        os._exit(program.FINE)
    return program.verdict(pid)


def fork_in_block(door):
    with door:
        return fork()


def fork_by_hand(door):
    door.acquire()
    try:
        return fork()
    finally:
        door.release()


def start(target):
    threading.Thread(target=target, name="idler", daemon=True).start()
    up.pass_through()
    program.wait_until_idle(1)


mode = program.mode()
if mode == "own_block":
    start(Vault(lock).idle)
    status = fork_in_block(lock)
elif mode == "own_by_hand":
    start(Vault(lock).idle)
    status = fork_by_hand(lock)
elif mode == "own_awaited":
    with lock:
        start(Vault(lock).want)
        status = fork()
elif mode == "own_condition":
    start(wait_for_condition)
    status = fork_in_block(lock)
elif mode == "own_recursive":
    start(Vault(rlock).idle)
    status = fork_in_block(rlock)
else:
    ways = {
        "released": released,
        "released_by_hand": released_by_hand,
        "left_block": left_block,
        "before": before,
        "in_wait": wait_for_condition,
    }
    start(ways[mode])
    if mode in ("released_by_hand", "left_block", "before"):
        status = fork_by_hand(lock)
    else:
        status = fork()
sys.stdout.flush()
os._exit(status)
