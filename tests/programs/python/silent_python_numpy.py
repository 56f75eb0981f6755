# OpenBLAS has idle threads at the call of fork, and ends them in its prepare handler: at the copy there is one thread.
#
# packages: numpy
# expect: silent
import os
import sys

import numpy
import program

ones = numpy.ones((300, 300))
ones @ ones
program.say("threads: %s" % ("several" if len(os.listdir("/proc/self/task")) > 1 else "one"))
pid = os.fork()
if pid == 0:
    ones @ ones
    os._exit(program.FINE)
sys.exit(program.verdict(pid))
