# Threads that work all the time, with locks, queues and logging, while the main thread forks 40 times. Each item that
# one of them makes arrives once, at whichever takes it.
#
# bare: 0
# expect: unsafe_fork function=fork
# count: any
# allow: thread_after_fork
# suppress: unsafe_fork:*
import logging
import os
import queue
import sys
import threading

import program

logging.basicConfig(stream=open(os.devnull, "w"), level=logging.INFO)
lock = threading.Lock()
items = queue.Queue(10)
ready = program.Gate()
stop = threading.Event()
made, taken = {}, []


def producer(name):
    ready.open()
    number = 0
    while not stop.is_set():
        with lock:
            logging.info("an item")
            made[name] = number = number + 1
        items.put((name, number))


def consumer(_name):
    ready.open()
    while True:
        item = items.get()
        if item is None:
            return
        with lock:
            taken.append(item)


def start(target, name):
    thread = threading.Thread(target=target, args=(name,), daemon=True)
    thread.start()
    ready.pass_through()
    return thread


consumers = [start(consumer, "") for _ in range(2)]
producers = [start(producer, name) for name in ("one", "two")]
for number in range(40):
    pid = os.fork()
    if pid == 0:
        os._exit(number)
    if os.waitpid(pid, 0)[1] != number << 8:
        sys.exit(program.BROKEN)
stop.set()
for thread in producers:
    thread.join()
for _ in consumers:
    items.put(None)
for thread in consumers:
    thread.join()
expected = sorted((name, number) for name in made for number in range(1, made[name] + 1))
program.say("40 children: fine; %d makers; all items: %s" % (len(made), sorted(taken) == expected))
sys.stdout.flush()
os._exit(program.FINE)
