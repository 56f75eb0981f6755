# A variable of the interpreter points to where a lock of the program lies: `_PyOS_optarg` keeps pointing to an argument
# that is gone. The lock is the program's all the same.
#
# python: 3.6-3.8
# expect: unsafe_fork ERROR function=fork locks=1 threads=1 owner=keeper name=unsafe_fork_dangling_pointer.lock
# expect: orphaned_lock FATAL call=sem_wait owner=keeper python=<module> blocking=true same_fork=yes
# suppress: unsafe_fork:*
# suppress: orphaned_lock:*
# suppress: stuck_child:*
import ctypes
import os
import sys
import threading

import program

lock = threading.Lock()
held = program.Gate()
never = program.Gate()


def keeper():
    with lock:
        held.open()
        never.pass_through()


# The semaphore's address comes behind the object's head.
semaphore = ctypes.c_void_p.from_address(id(lock) + object.__basicsize__)
ctypes.c_void_p.in_dll(ctypes.pythonapi, "_PyOS_optarg").value = semaphore.value
threading.Thread(target=keeper, name="keeper", daemon=True).start()
held.pass_through()
pid = os.fork()
if pid == 0:
    lock.acquire()
    os._exit(program.FINE)
sys.exit(program.verdict(pid))
