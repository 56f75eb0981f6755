# Code that came from no file takes four locks, each on a line of its own: four findings, although one line of a file
# runs it all.
#
# python: 3.6-3.15
# expect: unsafe_fork WARN locks=0 threads=1
# expect: possible_deadlock ERROR python=<module> owner=keeper lock=python name=*.a
# expect: possible_deadlock ERROR python=<module> owner=keeper lock=python name=*.b
# expect: possible_deadlock ERROR python=<module> owner=keeper lock=python name=*.c
# expect: possible_deadlock ERROR python=<module> owner=keeper lock=python name=*.d
# bare: 0
import os
import sys
import threading
import time

import program

a, b, c, d = locks = [threading.Lock() for _ in range(4)]
taken_often, never = program.Gate(), program.Gate()


def keeper():
    for _ in range(5):
        for lock in locks:
            with lock:
                pass
        time.sleep(0.001)
    taken_often.open()
    never.pass_through()


threading.Thread(target=keeper, name="keeper", daemon=True).start()
taken_often.pass_through()
pid = os.fork()
if pid == 0:
    exec("""if True:
        with a: pass
        with b: pass
        with c: pass
        with d: pass
    """)
    os._exit(program.FINE)
sys.exit(program.verdict(pid))
