# Threads that work all the time, with locks, queues and logging, while the main thread forks 40 times.
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


def producer():
    ready.open()
    while True:
        with lock:
            logging.info("an item")
        items.put(1)


def consumer():
    ready.open()
    while True:
        items.get()


for target in (producer, consumer, producer, consumer):
    threading.Thread(target=target, daemon=True).start()
    ready.pass_through()
for _ in range(40):
    pid = os.fork()
    if pid == 0:
        os._exit(program.FINE)
    if os.waitpid(pid, 0)[1] != 0:
        sys.exit(program.BROKEN)
program.say("40 children: fine")
sys.stdout.flush()
os._exit(program.FINE)
