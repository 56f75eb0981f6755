# A child that waits for an event of its own program with a time-out, again and again: its way to sleep between two
# looks. The loop lasts as long as one that is reported.
#
# python: 3.12-3.13
# expect: at-most WARN
import os
import sys
import threading

import program

stop = threading.Event()
up = program.Gate()
never = program.Gate()


def work():
    up.open()
    never.pass_through()


threading.Thread(target=work, name="worker", daemon=True).start()
up.pass_through()
child = os.fork()
if child == 0:
    for _ in range(50):
        stop.wait(0.05)
    os._exit(program.FINE)
status = os.waitpid(child, 0)[1]
program.say("child: status %d" % status)
sys.stdout.flush()
os._exit(program.FINE if status == 0 else program.BROKEN)
