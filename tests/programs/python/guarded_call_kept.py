# H5: a forked child calls a function of a library from a wheel, in whose file's name is a hash. The parent has
# looked the function up by ctypes, and called it.
#
# plugin: libcuda-d0da41ae.c
# expect: unsafe_fork
# expect: guarded_call WARN call=cuInit library=*/libcuda-d0da41ae.so python=asks same_fork=yes
# suppress: *:*
import ctypes
import os

import program

with open("/proc/self/maps") as maps:
    if "/libffi" not in maps.read():
        print("skipped: this interpreter's ctypes contains libffi, so that no call of ffi_call can be seen", flush=True)
        os._exit(program.SKIPPED)
library = ctypes.CDLL(os.environ["TEST_PLUGIN"])


def asks():
    return library.cuInit(0)


if asks() != 0:
    os._exit(program.BROKEN)
child = os.fork()
if child == 0:
    os._exit(asks())
_, status = os.waitpid(child, 0)
print("child: status %#x" % status, flush=True)
os._exit(program.REALISED if status == 3 << 8 else program.FINE)
