# The child makes threads and pools of its own, and waits for them: fine, for they are there. That a child makes
# threads may be reported.
#
# expect: at-most WARN
# expect: unsafe_fork WARN function=fork threads=1
# allow: thread_after_fork WARN
# runs: {join,queue,executor,event}
import concurrent.futures
import os
import queue
import sys
import threading

import program

never = program.Gate()


def work(mode):
    if mode == "join":
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
    if mode == "queue":
        items = queue.Queue()
        threading.Thread(target=items.put, args=(1,)).start()
        items.get()
    if mode == "executor":
        with concurrent.futures.ThreadPoolExecutor(2) as executor:
            executor.submit(int).result()
    if mode == "event":
        event = threading.Event()
        threading.Timer(0.02, event.set).start()
        event.wait()


threading.Thread(target=never.pass_through, daemon=True).start()
program.wait_until_idle(1)
pid = os.fork()
if pid == 0:
    work(program.mode())
    os._exit(program.FINE)
status = os.waitpid(pid, 0)[1]
program.say("child: fine" if status == 0 else "child: ended with status %#x" % status)
sys.exit(program.FINE if status == 0 else program.BROKEN)
