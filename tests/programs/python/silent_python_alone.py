# One thread, and one thread again after another was joined.
#
# expect: silent
import os
import sys
import threading

import program

worst = program.FINE
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        os._exit(program.FINE)
    worst |= program.verdict(pid)
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
sys.exit(worst)
