# H5: a forked child looks up a function of a named library by ctypes, and calls it. What the parent has
# looked up is not seen.
#
# options: FORKWATCH_GUARD=libcuda*
# plugin: libcuda.c
# expect: unsafe_fork
# expect: guarded_call ERROR call=cuDeviceGetCount library=*/libcuda.so python=asks same_fork=yes
# suppress: *:*
import ctypes
import os

import program

library = ctypes.CDLL(os.environ["TEST_PLUGIN"])


def asks():
    return library.cuDeviceGetCount(ctypes.byref(ctypes.c_int()))


if library.cuInit(0) != 0:
    os._exit(program.BROKEN)
child = os.fork()
if child == 0:
    os._exit(asks())
_, status = os.waitpid(child, 0)
print("child: status %#x" % status, flush=True)
os._exit(program.REALISED if status == 3 << 8 else program.FINE)
