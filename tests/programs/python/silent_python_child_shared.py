# The child waits, without a time-out, on what `multiprocessing` shares with the parent: which lives, and ends the wait.
#
# expect: at-most WARN
# expect: unsafe_fork WARN function=fork threads=1
# runs: {lock,event,semaphore,condition,queue,pipe}
import multiprocessing
import os
import sys
import threading
import time

import program

context = multiprocessing.get_context("fork")
lock = context.Lock()
event = context.Event()
semaphore = context.Semaphore(0)
condition = context.Condition()
items = context.SimpleQueue()
reader, writer = context.Pipe(False)
never = program.Gate()
ready = program.Gate()


def wait(mode):
    if mode == "condition":
        with condition:
            ready.open()
            condition.wait()
        return
    ready.open()
    if mode == "lock":
        lock.acquire()
    if mode == "event":
        event.wait()
    if mode == "semaphore":
        semaphore.acquire()
    if mode == "queue":
        items.get()
    if mode == "pipe":
        reader.recv()


def end_the_wait(mode):
    if mode == "lock":
        lock.release()
    if mode == "event":
        event.set()
    if mode == "semaphore":
        semaphore.release()
    if mode == "condition":
        with condition:
            condition.notify()
    if mode == "queue":
        items.put(1)
    if mode == "pipe":
        writer.send(1)


threading.Thread(target=never.pass_through, daemon=True).start()
program.wait_until_idle(1)
lock.acquire()
pid = os.fork()
if pid == 0:
    wait(program.mode())
    os._exit(program.FINE)
ready.pass_through()
# Gives the child time to block; were it still on its way, it would find what it waits for.
time.sleep(0.05)
end_the_wait(program.mode())
status = os.waitpid(pid, 0)[1]
program.say("child: waited and got it" if status == 0 else "child: ended with status %#x" % status)
sys.exit(program.FINE if status == 0 else program.BROKEN)
