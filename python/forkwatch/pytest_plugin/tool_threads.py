"""The threads of pytest's own tools, which are not the fault of the tests.

A worker of pytest-xdist has a thread that reads from the controller all the time, and holds the lock of its input
meanwhile. Every fork in a test would be reported because of it. The thread gets a name in the kernel, and a rule marks
it as harmless. A child that reads the worker's input would hang, but no child does.
"""

import ctypes
import sys
import threading
from typing import Any

_NAME = "execnet"
RULES = f"# The threads of a pytest-xdist worker that talk to its controller.\nthread:{_NAME}\n"


def name_them() -> None:
    """Names every thread of this process that runs in execnet, save this one."""
    try:
        set_name = ctypes.CDLL(None).pthread_setname_np
    except (OSError, AttributeError):
        return
    set_name.argtypes = [ctypes.c_ulong, ctypes.c_char_p]
    for ident, frame in sys._current_frames().items():
        # Python's number of a thread is its `pthread_t`.
        if ident != threading.get_ident() and _is_in_execnet(frame):
            set_name(ident, _NAME.encode("ascii"))


def _is_in_execnet(frame: Any) -> bool:
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith("execnet"):
            return True
        frame = frame.f_back
    return False
