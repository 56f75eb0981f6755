# Locks that another thread takes, too, and that are no danger to the child all the same: they are made anew there,
# the fork cannot come while the thread holds them, or the child only tries.
#
# python: 3.6-3.15
# expect: at-most WARN
# expect: unsafe_fork WARN locks=0 threads=1
# runs: {try,timeout,told,told_by_pipe,told_by_sockets,at_fork,interpreter}
# runs: {told_by_barrier,told_before_wait,told_by_queue_before_wait}
# runs: {told_by_semaphore_before_wait,told_by_condition_before_wait}
# runs: {anew,logging}
import ctypes
import logging
import os
import queue
import socket
import sys
import threading
import time

import program

mode = program.mode() or "try"
if sys.version_info < {"anew": (3, 9), "logging": (3, 9), "at_fork": (3, 7)}.get(mode, (3, 6)):
    sys.exit(program.SKIPPED)
door = threading.Lock()
# Calls of these functions keep the interpreter lock.
libc = ctypes.PyDLL(None)
mutex = ctypes.create_string_buffer(64)
used, never = program.Gate(), program.Gate()
told, told_queue, told_semaphore = threading.Event(), queue.Queue(), threading.Semaphore(0)
told_barrier, told_condition = threading.Barrier(6), threading.Condition(threading.Lock())
told_ends = os.pipe() if mode == "told_by_pipe" else socket.socketpair()
logger = logging.getLogger("bank")
# Writes each line itself: a buffered file would have a lock of its own.
logger.addHandler(type("Raw", (logging.Handler,), {"emit": lambda self, record: os.write(2, b"")})())


def use():
    if mode == "interpreter":
        libc.pthread_mutex_lock(mutex)
        libc.pthread_mutex_unlock(mutex)
    elif mode == "logging":
        logger.warning("balance")
    else:
        with door:
            pass


def keeper():
    for _ in range(5):
        use()
        time.sleep(0.001)
    if mode in ("told", "told_before_wait"):
        told.set()
    if mode == "told_by_barrier":
        told_barrier.wait()
    if mode == "told_by_queue_before_wait":
        told_queue.put("ready")
    if mode == "told_by_semaphore_before_wait":
        told_semaphore.release()
    if mode == "told_by_condition_before_wait":
        with told_condition:
            told_condition.notify_all()
    if mode == "told_by_pipe":
        os.write(told_ends[1], b"x")
    if mode == "told_by_sockets":
        told_ends[1].sendall(b"x")
    used.open()
    never.pass_through()


def work():
    if mode == "try":
        if door.acquire(False):
            door.release()
    elif mode == "timeout":
        if door.acquire(timeout=3600):
            door.release()
    else:
        use()


if mode == "anew":
    os.register_at_fork(after_in_child=door._at_fork_reinit)
if mode == "at_fork":
    os.register_at_fork(before=door.acquire, after_in_parent=door.release, after_in_child=door.release)
threading.Thread(target=keeper, name="keeper", daemon=True).start()
if mode == "told":
    told.wait()
if mode == "told_by_pipe":
    os.read(told_ends[0], 1)
if mode == "told_by_sockets":
    told_ends[0].recv(1)
if mode == "told_by_barrier":
    # The thread comes first, and is not the last to leave, who notifies the others.
    program.wait_until_idle(1)
    friends = [threading.Thread(target=told_barrier.wait) for _ in range(4)]
    for friend in friends:
        friend.start()
    program.wait_until_idle(5)
    told_barrier.wait()
    for friend in friends:
        friend.join()
used.pass_through()
# Nobody had waited when the thread said so.
if mode == "told_before_wait":
    told.wait()
if mode == "told_by_queue_before_wait":
    told_queue.get()
if mode == "told_by_semaphore_before_wait":
    told_semaphore.acquire()
pid = os.fork()
if pid == 0:
    work()
    os._exit(program.FINE)
sys.exit(program.verdict(pid))
