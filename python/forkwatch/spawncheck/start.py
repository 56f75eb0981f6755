"""Imported at the start of an interpreter whose environment has `FORKWATCH_SPAWN_CHECK`; checks at each fork.

A handler of `os.register_at_fork` sees every fork, and the frame below it says whose fork it is. So nothing of
multiprocessing is replaced, and a program that never imports it never pays for it.
"""

import os
import sys
import types

VARIABLE = "FORKWATCH_SPAWN_CHECK"
_OFF = ("", "0", "off", "no", "false")
# `os.fork` is called by `Popen._launch` itself; one more frame for those who wrap it.
_DEEPEST = 3


def is_wanted() -> bool:
    """Whether the variable asks for the check."""
    return os.environ.get(VARIABLE, "").lower() not in _OFF


def _before_fork() -> None:
    """Never raises: an exception in a handler of `os.register_at_fork` is printed and has no effect."""
    try:
        frame: types.FrameType | None = sys._getframe(1)
        for _ in range(_DEEPEST):
            if frame is None:
                return
            if frame.f_code.co_name == "_launch" and frame.f_globals.get("__name__") == "multiprocessing.popen_fork":
                from forkwatch.spawncheck.check import check

                check(frame.f_locals["process_obj"], frame)
                return
            frame = frame.f_back
    except BaseException:
        return


if is_wanted():
    os.register_at_fork(before=_before_fork)
