"""Holds forks back until no other thread holds a lock."""

import ctypes


def settle(milliseconds: int = 100) -> bool:
    """Holds each later fork of this process back until no other thread holds a lock that forkwatch can see.

    A fork is held back for at most `milliseconds`, from 1 to 60,000; 0 ends that. It is what `FORKWATCH_SETTLE` does,
    for a program that can change a line: call it before the first fork. Needs the library, which `LD_PRELOAD` or
    `forkwatch run` loads; returns whether it is loaded and the kernel offers what it needs.
    """
    if not 0 <= milliseconds <= 60_000:
        raise ValueError(f"milliseconds must be from 0 to 60000, not {milliseconds}")
    # With the interpreter lock, which the library needs to register itself with Python's forks.
    function = getattr(ctypes.PyDLL(None), "forkwatch_settle", None)
    if function is None:
        return False
    function.argtypes = [ctypes.c_uint32]
    function.restype = ctypes.c_int
    return bool(function(milliseconds))
