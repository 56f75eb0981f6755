"""What a forked child does, and why it hangs."""

import os
from typing import Any, Dict, List, Tuple

from forkwatch.text import frames, locks
from forkwatch.text.words import count, cut, quoted, sentences

Record = Dict[str, Any]

_OBJECTS = {
    "futex": "a futex (the wait that libraries build their locks on)",
    "condition": "a condition variable",
    "semaphore": "a semaphore",
    "mutex": "a mutex",
    "rwlock": "a read-write lock",
}
_WHY_STUCK = (
    "The child has only the thread that called fork, and that one waits here without a time-out. Nobody is left to end "
    "the wait: whoever would have done so is a thread of the parent."
)
_WHY_THREAD = (
    "Between such a fork and exec, POSIX allows a child only what is async-signal-safe, and creating a thread is not. "
    "Locks that threads of the parent held at the fork are held in the child for ever: this thread and the new one "
    "hang as soon as they need one."
)
_LOST = "The child has a copy of the lock, but not of the thread that held it."
_IN_LIBC = (
    "At the fork, another thread was inside a function of libc that takes this lock. The child has a copy of the lock, "
    "but not of that thread."
)


def told(record: Record) -> List[str]:
    """The sections of a finding in a child."""
    kind = record.get("kind")
    lines = _call(record)
    if isinstance(record.get("lock"), dict):
        lines += locks.orphaned(record["lock"])
    if kind == "stuck_child":
        lines += _waits_for(record)
    heading, reason = _why(record)
    if reason:
        lines += ["", heading, *sentences(reason)]
    if reason and not record.get("advice"):
        cure = f"The fork that made this child is what to change; `forkwatch explain {kind}` says how."
        lines += ["", "What to do:", *sentences(cure)]
    return lines


def _call(record: Record) -> List[str]:
    library = f" of {os.path.basename(str(record['library']))}" if record.get("library") else ""
    return [
        "",
        f"{record['call']}{library} called by thread {quoted(record.get('thread'))} of "
        f"{frames.path(str(record.get('exe')))} in the child (pid {record.get('pid')}) of pid {record.get('ppid')}",
        *frames.stack(2, record.get("python_stack"), record.get("stack")),
    ]


def _waits_for(record: Record) -> List[str]:
    address = f" at {record['address']}" if record.get("address") else ""
    lines = ["", f"Waits for: {_OBJECTS.get(str(record.get('object')), record.get('object'))}{address}"]
    tids = record.get("parent_tids") or []
    if tids:
        did = "waited for it too" if record.get("object") in ("condition", "futex") else "waited for it or held it"
        who = f"{count(len(tids), 'thread')} of the parent {did} (tid {cut([str(tid) for tid in tids])})"
        lines += sentences(f"At the fork, {who}.")
    return lines


def _why(record: Record) -> Tuple[str, str]:
    """What it is headed with, and the reason."""
    kind = record.get("kind")
    if kind == "stuck_child":
        return "Why this hangs:", _WHY_STUCK
    if kind == "thread_after_fork":
        return "Why this can hang:", _WHY_THREAD
    if kind != "orphaned_lock" or not isinstance(record.get("lock"), dict):
        return "", ""
    sort = record["lock"].get("kind")
    if str(record.get("call")).endswith("unlock"):
        return "Why this fails:", (
            "The lock remembers the thread that took it by its number, and in the child that thread has another one. "
            "So the child can neither release the lock nor take it again: the next call that waits for it never "
            "returns."
        )
    if sort == "static_guard":
        return "Why this hangs:", (
            "At the fork, another thread was initialising this static. Nobody here will ever finish it, and this call, "
            "which waits for that, never returns."
        )
    lost = _IN_LIBC if sort == "libc" else _LOST
    if not record.get("blocking"):
        return "Why this fails:", (
            f"{lost} Nobody here will ever release it. This call returns without the lock, and so will every other try."
        )
    if record.get("severity") == "FATAL":
        return "Why this hangs:", f"{lost} Nobody here will ever release it, and this call never returns."
    return "Why this can hang:", (
        f"{lost} Such a function holds the lock for a part of its time only, and libc does not show which. If it held "
        "the lock at that moment, nobody here will ever release it, and this call never returns."
    )
