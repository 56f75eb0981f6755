# H3: a class that was called often is called another way, with a frame of the interpreter's own between caller and
# `__init__`. That frame is no part of the program: the fork stays one finding, and nobody is sent to change it.
#
# python: 3.8-3.15
# bare: 0
# expect: unsafe_fork WARN function=fork locks=0 threads=1 python=__init__
# suppress: unsafe_fork:*
import os
import sys
import threading
import warnings

import program

warnings.simplefilter("ignore")
never = program.Gate()


class Worker:
    def __init__(self):
        self.pid = os.fork()
        if self.pid == 0:
            os._exit(program.FINE)
        os.waitpid(self.pid, 0)


def start_many():
    for _ in range(40):
        Worker()


thread = threading.Thread(target=never.pass_through, daemon=True)
thread.start()
start_many()
never.open()
thread.join()
sys.exit(program.FINE)
