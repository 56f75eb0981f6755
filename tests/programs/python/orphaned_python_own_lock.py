# H17: the only thread takes a lock and forks; the child takes the lock again, which its own copy holds. Nobody else
# could release it. With an idle thread beside it, the same.
#
# python: 3.6-3.15
# expect: orphaned_lock FATAL call=sem_wait python=take blocking=true
# with: name=orphaned_python_own_lock.lock
# allow: unsafe_fork WARN
# suppress: unsafe_fork:*
# suppress: orphaned_lock:*
# runs: {alone,beside}
import os
import sys
import threading

import program

lock = threading.Lock()
never = program.Gate()


# In one line: up to CPython 3.9 its table of lines is empty.
def take(): lock.acquire()  # fmt: skip  # noqa: E704


if program.mode() == "beside":
    threading.Thread(target=never.pass_through, name="idler", daemon=True).start()
    program.wait_until_idle(1)
take()
pid = os.fork()
if pid == 0:
    take()
    os._exit(program.FINE)
sys.exit(program.verdict(pid))
