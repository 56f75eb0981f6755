"""The report for people, made from a record.

The library writes one of its own; under pytest it is silent, and each test shows what belongs to it. The words are the
library's where it has the same facts.
"""

import os
import textwrap
from typing import Any, Dict, List, Optional, Sequence

Record = Dict[str, Any]

_WIDTH = 100
# Frames of one stack, threads and locks that are shown before the rest is only counted.
_MOST_FRAMES = 12
_MOST_THREADS = 8
_MOST_LOCKS = 8
# Frames of the interpreter before the rest of such a run is only counted.
_MOST_OF_INTERPRETER = 2
_KINDS = {
    "mutex": "mutex",
    "rwlock_read": "read-write lock, taken for reading,",
    "rwlock_write": "read-write lock, taken for writing,",
    "spinlock": "spinlock",
    "semaphore": "semaphore",
    "static_guard": "C++ local static in initialisation",
    "libc": "lock inside libc",
    "futex": "futex",
}
_WHY = (
    "The child gets a copy of every lock, but only the thread that called fork. A lock that another thread holds at "
    "that moment stays locked in the child for ever, and the child hangs as soon as it needs it."
)


def report(record: Record) -> str:
    """The whole text of a finding, without a line break at its end."""
    lines = [f"{record.get('severity')} {record.get('kind')}: {record.get('message')}"]
    if isinstance(record.get("fork"), dict):
        lines += _fork(record)
    else:
        lines += _call(record)
    threads = record.get("threads") or []
    locks = record.get("locks") or ([record["lock"]] if isinstance(record.get("lock"), dict) else [])
    for thread in threads[:_MOST_THREADS]:
        lines += _thread(thread, locks)
    lines += _rest(len(threads) - _MOST_THREADS, "thread")
    for number, lock in enumerate(locks[:_MOST_LOCKS], 1):
        lines += _lock(f"Lock {number} of {len(locks)}" if len(locks) > 1 else "Lock", lock)
    lines += _rest(len(locks) - _MOST_LOCKS, "lock")
    if record.get("kind") == "unsafe_fork":
        lines += ["", "Why this can hang:", *_sentences(_WHY)]
    if record.get("advice"):
        lines += ["", "What to do:"]
        for sentence in record["advice"]:
            lines += _sentences(str(sentence))
    lines += ["", f"{record.get('time')} on {record.get('host')}, fingerprint {record.get('fingerprint')}"]
    return "\n".join(map(harmless, lines))


def harmless(line: str) -> str:
    """One line for a terminal: the watched program chose the names in it, and may have put anything there."""
    return "".join(letter if letter.isprintable() else f"\\u{{{ord(letter):x}}}" for letter in line)


def place(record: Record) -> str:
    """Where a finding happened, in a few words: the Python line if it is known, else the program's function."""
    return harmless(_place(record))


def _place(record: Record) -> str:
    fork = record.get("fork")
    source = fork if isinstance(fork, dict) else record
    python = source.get("python_stack") or []
    if python:
        return _python_frame(python[0])
    for frame in source.get("stack") or []:
        if not _is_interpreter(frame):
            return _native_frame(frame)
    return ""


def _fork(record: Record) -> List[str]:
    fork = record["fork"]
    child = fork.get("child_pid")
    told = f"{fork.get('function')}() called by thread {_thread_name(record.get('thread'), record.get('tid'))}"
    stopped = ", stopped before there was a child" if child is None else f", child pid {child}"
    return ["", f"{told} of pid {record.get('pid')}{stopped}", *_stacks(2, fork.get("python_stack"), fork.get("stack"))]


def _call(record: Record) -> List[str]:
    call = record.get("call")
    if call is None:
        return []
    library = f" of {os.path.basename(str(record['library']))}" if record.get("library") else ""
    return [
        "",
        f"{call}{library} called by thread {_thread_name(record.get('thread'), record.get('tid'))} in the child "
        f"(pid {record.get('pid')}) of pid {record.get('ppid')}",
        *_stacks(2, record.get("python_stack"), record.get("stack")),
    ]


def _thread(thread: Record, locks: Sequence[Record]) -> List[str]:
    held = sum(lock.get("owner_tid") == thread.get("tid") for lock in locks)
    what = f" holds {held} {'lock' if held == 1 else 'locks'}" if held else ""
    lines = ["", f"Thread {_thread_name(thread.get('name'), thread.get('tid'))}{what}"]
    waiting = thread.get("waiting")
    now = f"now waiting in {waiting.get('call')}" if isinstance(waiting, dict) else "now"
    stack = _stacks(4, thread.get("python_stack"), thread.get("stack"))
    if stack:
        lines += [f"  {now} at:", *stack]
    elif isinstance(waiting, dict):
        lines.append(f"  {now}")
    created = _stacks(4, thread.get("created_python_stack"), thread.get("created_stack"))
    if created:
        lines += ["  created at:", *created]
    return lines


def _lock(label: str, lock: Record) -> List[str]:
    name = f' "{lock["name"]}"' if lock.get("name") else ""
    kind = "Python lock" if _is_pythons(lock) else _KINDS.get(str(lock.get("kind")), str(lock.get("kind")))
    owner = f" held by thread {_thread_name(lock.get('owner'), lock.get('owner_tid'))}" if lock.get("owner_tid") else ""
    lines = ["", f"{label}: {kind}{name} at {lock.get('address')},{owner}".rstrip(",")]
    stack = _stacks(4, lock.get("acquired_python_stack"), lock.get("acquired_stack"))
    if stack:
        lines += ["  taken at:", *stack]
    waiters = lock.get("waiters") or []
    if waiters:
        lines.append(f"  waited for by tid {', '.join(map(str, waiters))}")
    return lines


def _is_pythons(lock: Record) -> bool:
    """Whether the interpreter took it on behalf of Python code: `threading.Lock` and what is made of it."""
    stack = lock.get("acquired_stack") or [{}]
    name = str(lock.get("name"))
    if lock.get("kind") == "mutex" and not stack[0] and " in " in name and name.endswith(")"):
        # One that passes no call of libc, so that Python's name for it is all there is.
        return True
    return _is_interpreter(stack[0]) and str(stack[0].get("symbol")).startswith("PyThread_acquire_lock")


def _stacks(indent: int, python: Optional[Sequence[Record]], native: Optional[Sequence[Record]]) -> List[str]:
    """Python frames first; below them the native ones that are not the interpreter's own."""
    shown = [_python_frame(frame) for frame in python or []]
    run = 0
    for frame in native or []:
        if _is_interpreter(frame):
            run += 1
            if python or run > _MOST_OF_INTERPRETER:
                continue
        else:
            shown += _run_of_interpreter(run, bool(python))
            run = 0
        shown.append(_native_frame(frame))
    shown += _run_of_interpreter(run, bool(python))
    left = len(shown) - _MOST_FRAMES
    lines = [f"{' ' * indent}{line}" for line in shown[:_MOST_FRAMES]]
    return [*lines, f"{' ' * indent}... {left} more frames"] if left > 0 else lines


def _run_of_interpreter(run: int, is_told_by_python: bool) -> List[str]:
    left = run - _MOST_OF_INTERPRETER
    if left <= 0 or is_told_by_python:
        return []
    return [f"... {left} {'frame' if left == 1 else 'frames'} of the Python interpreter"]


def _is_interpreter(frame: Record) -> bool:
    name = os.path.basename(str(frame.get("module") or ""))
    return name.startswith(("libpython", "python"))


def _python_frame(frame: Record) -> str:
    return f"{frame.get('function')}  {_short(str(frame.get('file')))}:{frame.get('line')}"


def _native_frame(frame: Record) -> str:
    where = ""
    if frame.get("file"):
        where = f"  {_short(str(frame['file']))}:{frame.get('line')}"
    elif frame.get("module"):
        where = f"  {os.path.basename(str(frame['module']))}+{frame.get('offset')}"
    return f"{frame.get('symbol') or '(no name)'}{where}"


def _short(path: str) -> str:
    """Below the current folder as it is seen from there; a long path by its end."""
    folder = os.getcwd() + os.sep
    if path.startswith(folder):
        return path[len(folder) :]
    parts = os.path.normpath(path).split(os.sep)
    return path if len(path) <= 60 else os.sep.join(["...", *parts[-3:]])


def _thread_name(name: Any, tid: Any) -> str:
    return f'"{name}" (tid {tid})' if name else f"(tid {tid})"


def _sentences(text: str) -> List[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def _rest(number: int, what: str) -> List[str]:
    return ["", f"... and {number} more {what}{'' if number == 1 else 's'}"] if number > 0 else []
