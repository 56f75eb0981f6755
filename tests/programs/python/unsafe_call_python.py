# A forked child runs Python code, which calls hundreds of functions that are not async-signal-safe: one finding, at the
# first call after the interpreter and its handlers have made their state anew.
#
# options: FORKWATCH_AUDIT=on
# expect: unsafe_fork
# expect: unsafe_call WARN python=child_works same_fork=yes
# bare: 0
# suppress: *:*
import os
import sys
import threading

import program


def make_anew():
    return [str(number) * 50 for number in range(2000)]


def child_works():
    # Lists that grow take memory from the heap.
    words = [str(number) * 50 for number in range(2000)]
    sys.stdout.write("%d words\n" % len(words))
    sys.stdout.flush()
    program.Gate().open()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=make_anew)
up = threading.Event()
idle = threading.Event()


def work():
    up.set()
    idle.wait()


threading.Thread(target=work, daemon=True, name="worker").start()
up.wait()
child = os.fork()
if child == 0:
    child_works()
    os._exit(0)
result = program.verdict(child)
os._exit(result)
