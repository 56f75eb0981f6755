# A child without other threads waits for an event, or a semaphore, that its own signal handler sets: the wait is
# interrupted, the handler runs, and the child goes on. None of it is reported, beyond what the fork is.
#
# python: 3.8-3.15
# expect: at-most WARN
# bare: 0
# runs: {event,semaphore}
import os
import signal
import sys
import threading

import program

up = program.Gate()
ready = program.Gate()
never = program.Gate()


def work():
    up.open()
    never.pass_through()


threading.Thread(target=work, name="worker", daemon=True).start()
up.pass_through()
child = os.fork()
if child == 0:
    end = threading.Event()
    permit = threading.Semaphore(0)
    wake = end.set if program.mode() == "event" else permit.release
    signal.signal(signal.SIGTERM, lambda number, frame: wake())
    ready.open()
    if program.mode() == "event":
        end.wait()
    else:
        permit.acquire()
    os._exit(program.FINE)
ready.pass_through()
while not program.waits_for_ever(child):
    pass
os.kill(child, signal.SIGTERM)
status = os.waitpid(child, 0)[1]
program.say("child: status %d" % status)
sys.stdout.flush()
os._exit(program.FINE if status == 0 else program.BROKEN)
