"""Stacks: Python frames first, then native ones."""

import os
import re
from typing import Any, Callable, Dict, List, Optional, Sequence

Record = Dict[str, Any]
Frames = Optional[Sequence[Record]]

# Frames of one stack that are shown before the rest is only counted.
_MOST_FRAMES = 16
# Frames of the interpreter before the rest of such a run is only counted.
_MOST_OF_INTERPRETER = 2
_LONGEST_PATH = 64
_PACKAGES = re.compile(r"/(?:site|dist)-packages/(.*)")
_STANDARD_LIBRARY = re.compile(r"/lib/python3\.\d+/")

# Python files whose runs of frames are told in one line: (what the name has, whose they are).
_FOLDED = (
    (
        re.compile(r"/(?:_pytest|pluggy|xdist|execnet|pytest_forked)/|/pytest/__main__\.py$|/bin/(?:pytest|py\.test)$"),
        "pytest",
    ),
    (re.compile(r"^<frozen importlib"), "Python's import"),
)
# What every thread begins with.
_BOTTOM_OF_THREAD = {"Thread._bootstrap", "Thread._bootstrap_inner", "_bootstrap", "_bootstrap_inner"}
_BOTTOM = {
    *("__libc_start_call_main", "__libc_start_main", "__libc_start_main_impl", "__libc_start_main@@GLIBC_2.34"),
    *("_start", "start_thread", "clone", "clone3", "__clone", "__clone3"),
}


def stack(indent: int, python: Frames, native: Frames) -> List[str]:
    """Python frames first; below them the native ones that are not the interpreter's own."""
    shown = _python(python or [])
    if python and not says_nothing(native):
        shown.append("native stack:")
    run = 0
    for frame in _without_bottom(native or []):
        if is_interpreter(frame):
            run += 1
            if python or run > _MOST_OF_INTERPRETER:
                continue
        else:
            shown += _rest_of_interpreter(0 if python else run)
            run = 0
        shown.append(_native_line(frame))
    shown += _rest_of_interpreter(0 if python else run)
    left = len(shown) - _MOST_FRAMES
    lines = [f"{' ' * indent}{line}" for line in shown[:_MOST_FRAMES]]
    return [*lines, f"{' ' * indent}... and {left} more frames"] if left > 0 else lines


def place(python: Frames, native: Frames) -> str:
    """Where a thread is, in a few words: its innermost frame of the program's own, else its innermost at all."""
    return _place(python, native, _is_of_library)


def cause(python: Frames, native: Frames) -> str:
    """Who made a call, in a few words: the innermost frame that is not of Python itself."""
    return _place(python, native, _is_of_python)


def _place(python: Frames, native: Frames, is_passed_over: Callable[[Record], bool]) -> str:
    frame = next((frame for frame in python or [] if not is_passed_over(frame)), None)
    frame = frame or next(iter(python or []), None)
    if frame is not None:
        return _in_brackets(_python_line(frame))
    native_frame = next((frame for frame in native or [] if not is_interpreter(frame)), None)
    return _in_brackets(_native_line(native_frame)) if native_frame is not None else ""


def is_interpreter(frame: Record) -> bool:
    """Whether a native frame is CPython's own."""
    module = str(frame.get("module") or "")
    return os.path.basename(module).startswith(("libpython", "python")) or "/lib-dynload/" in module


def says_nothing(native: Frames) -> bool:
    """Whether a native stack is that of any Python program."""
    return all(is_interpreter(frame) for frame in _without_bottom(native or []))


def path(name: str) -> str:
    """Below the current folder as it is seen from there, a package's file by its package; a long path by its end."""
    packaged = _PACKAGES.search(name)
    if packaged:
        return packaged[1]
    for folder, short in ((os.getcwd(), ""), (os.path.expanduser("~"), "~/")):
        if folder != "/" and name.startswith(folder + os.sep):
            name = short + name[len(folder) + 1 :]
            break
    parts = os.path.normpath(name).split(os.sep)
    return name if len(name) <= _LONGEST_PATH else os.sep.join(["...", *parts[-3:]])


def _python(frames: Sequence[Record]) -> List[str]:
    end = len(frames)
    while end > 1 and frames[end - 1].get("function") in _BOTTOM_OF_THREAD:
        end -= 1
    lines: List[str] = []
    position = 0
    while position < end:
        whose = _folded(frames[position])
        run = position + 1
        while whose and run < end and _folded(frames[run]) == whose:
            run += 1
        if run - position > 1:
            lines.append(f"... {run - position} frames of {whose}")
        else:
            lines.append(_python_line(frames[position]))
        position = run
    return lines


def _folded(frame: Record) -> Optional[str]:
    file = str(frame.get("file"))
    return next((whose for pattern, whose in _FOLDED if pattern.search(file)), None)


def _is_of_library(frame: Record) -> bool:
    return bool(_PACKAGES.search(str(frame.get("file")))) or _is_of_python(frame)


def _is_of_python(frame: Record) -> bool:
    file = str(frame.get("file"))
    return file.startswith("<frozen") or bool(_STANDARD_LIBRARY.search(file)) and not _PACKAGES.search(file)


def _without_bottom(frames: Sequence[Record]) -> Sequence[Record]:
    end = len(frames)
    while end and frames[end - 1].get("symbol") in _BOTTOM:
        end -= 1
    return frames[:end]


def _in_brackets(line: str) -> str:
    """A line of a stack in a sentence: `run (app.py:3)`."""
    function, blanks, where = line.partition("  ")
    return f"{function} ({where})" if blanks and not where.startswith("(") else line.replace("  ", " ")


def _rest_of_interpreter(run: int) -> List[str]:
    left = run - _MOST_OF_INTERPRETER
    if left <= 0:
        return []
    return [f"... {left} {'frame' if left == 1 else 'frames'} of the Python interpreter"]


def _python_line(frame: Record) -> str:
    return f"{frame.get('function')}  {path(str(frame.get('file')))}:{frame.get('line')}"


def _native_line(frame: Record) -> str:
    where = ""
    if frame.get("file"):
        where = f"  {path(str(frame['file']))}:{frame.get('line')}"
    elif frame.get("module"):
        where = f"  ({os.path.basename(str(frame['module']))}+{frame.get('offset')})"
    return f"{frame.get('symbol') or '??'}{where}"
