# H1, H2: `subprocess` forks only to exec, which is safe, unless a `preexec_fn` runs Python code on the way. This one
# takes a lock that another thread holds. The parent says nothing of the fork; the child reports everything.
#
# python: 3.8-3.15
# expect: unsafe_fork ERROR locks=1 name="child_preexec_lock.lock"
# expect: orphaned_lock FATAL call=sem_wait name="child_preexec_lock.lock" blocking=true same_fork=yes
# suppress: unsafe_fork:*
# suppress: orphaned_lock:*
import os
import signal
import subprocess
import sys
import threading

import program

lock = threading.Lock()
held = program.Gate()
never = program.Gate()
forked = program.Gate()
ended = threading.Event()
child = []


def keeper():
    with lock:
        held.open()
        never.pass_through()


def ask():
    os.write(forked.writer, b"%10d" % os.getpid())
    lock.acquire()


def judge():
    # `Popen` waits for its child's exec, which never comes.
    pid = int(os.read(forked.reader, 10))
    while not ended.wait(0.002):
        if program.waits_for_ever(pid):
            child.append("stuck")
            os.kill(pid, signal.SIGKILL)
            return


threading.Thread(target=keeper, name="keeper", daemon=True).start()
held.pass_through()
threading.Thread(target=judge, name="judge", daemon=True).start()
status = subprocess.Popen(["true"], preexec_fn=ask).wait()
ended.set()
program.say("child: " + (child[0] if child else "ended with %d" % status))
sys.stdout.flush()
os._exit(program.REALISED if child else program.FINE)
