"""One lock: which, who holds it, where it was taken, who waits for it."""

from typing import Any, Dict, List, Sequence

from forkwatch.text import frames
from forkwatch.text.words import count, cut, joined, quoted

Record = Dict[str, Any]

_SORTS = {
    "rwlock_read": "read-write lock",
    "rwlock_write": "read-write lock",
    "static_guard": "guard of a C++ static",
    "libc": "lock of libc",
    "futex": "lock",
}
_PURPOSES = {"rwlock_read": " for reading", "rwlock_write": " for writing"}
_PLURALS = {"mutex": "mutexes", "guard of a C++ static": "guards of C++ statics", "lock of libc": "locks of libc"}
# Functions of CPython that take one of Python's own locks, whatever that is made of.
_TAKERS = ("PyThread_acquire_lock", "lock_PyThread_acquire_lock", "rlock_acquire", "PyMutex_Lock", "_PyMutex_Lock")
# Frames of its acquisition by which a Python lock is known.
_FRAMES_OF_TAKERS = 3


def held(label: str, lock: Record, threads: Sequence[Record], record: Record) -> List[str]:
    """The section of a lock at a fork; `threads` are those alive."""
    lines = ["", _heading(label, lock, ""), *_taken(lock)]
    owner = next((thread for thread in threads if thread.get("tid") == lock.get("owner_tid")), None)
    if owner is not None and lock.get("owner_tid") is not None:
        waiting = owner.get("waiting")
        doing = f"waiting in {waiting.get('call')}" if isinstance(waiting, dict) else "running"
        place = frames.place(owner.get("python_stack"), owner.get("stack"))
        lines.append(f"  the holder is now {doing}{f' at {place}' if place else ''}")
    return [*lines, *_waiters(lock, threads, record)]


def orphaned(lock: Record) -> List[str]:
    """The section of a lock that a thread of the parent held at the fork."""
    return ["", _heading("Lock", lock, " at the fork"), *_taken(lock)]


def leaked(lock: Record) -> List[str]:
    """The section of the lock of a thread that has ended."""
    return ["", _heading("Lock", lock, " to the end"), *_taken(lock), *_waiters(lock, [], {})]


def in_words(lock: Record) -> str:
    """`a mutex`, `the Python lock "self.door"`"""
    return f"the {sort(lock)} {quoted(lock['name'])}" if lock.get("name") else f"a {sort(lock)}"


def all_as_held(locks: Sequence[Record]) -> str:
    """What a thread holds: `2 mutexes and the semaphore "slots"`."""
    alike: Dict[str, List[Record]] = {}
    for lock in locks:
        alike.setdefault(in_words(lock) + _purpose(lock), []).append(lock)
    parts = []
    for words, group in alike.items():
        if len(group) > 1:
            called = f" called {quoted(group[0]['name'])}" if group[0].get("name") else ""
            plural = _PLURALS.get(sort(group[0]), sort(group[0]) + "s")
            words = f"{len(group)} {plural}{called}{_purpose(group[0])}"
        parts.append(words)
    return joined(parts)


def sort(lock: Record) -> str:
    """What a person calls a lock of this sort."""
    if _is_pythons(lock):
        return "Python lock"
    return _SORTS.get(str(lock.get("kind")), str(lock.get("kind")))


def _is_pythons(lock: Record) -> bool:
    """Whether the interpreter took it on behalf of Python code: `threading.Lock` and what is made of it."""
    name = str(lock.get("name"))
    if lock.get("kind") == "mutex" and not lock.get("acquired_stack") and " in " in name and name.endswith(")"):
        # One that passes no call of libc, so that Python's name for it is all there is.
        return True
    taken = (lock.get("acquired_stack") or [])[:_FRAMES_OF_TAKERS]
    return lock.get("kind") in ("semaphore", "mutex", "futex") and any(
        frames.is_interpreter(frame) and str(frame.get("symbol")).startswith(_TAKERS) for frame in taken
    )


def _purpose(lock: Record) -> str:
    return _PURPOSES.get(str(lock.get("kind")), "")


def _heading(label: str, lock: Record, when: str) -> str:
    name = f" {quoted(lock['name'])}" if lock.get("name") else ""
    # The address of one of libc's locks stands for it in records, and is not the lock's own.
    address = "" if lock.get("kind") == "libc" else f" at {lock.get('address')}"
    did = "being initialised" if lock.get("kind") == "static_guard" else "held"
    return f"{label}: {sort(lock)}{name}{address}, {did}{_purpose(lock)}{when} by {_holder(lock)}"


def _holder(lock: Record) -> str:
    if lock.get("owner"):
        return f"thread {quoted(lock['owner'])} (tid {lock.get('owner_tid')})"
    return "a thread that could not be told" if lock.get("owner_tid") is None else f"thread {lock['owner_tid']}"


def _taken(lock: Record) -> List[str]:
    taken = lock.get("acquired_stack") or []
    if not taken:
        return ["  taken before it was watched"]
    if lock.get("name") and frames.says_nothing(taken):
        # The name tells the line, and the interpreter's functions are the same for every lock.
        return []
    how = {"libc": "taken by the call", "static_guard": "initialised"}.get(str(lock.get("kind")), "taken")
    return [f"  {how} at:", *frames.stack(4, None, taken)]


def _waiters(lock: Record, threads: Sequence[Record], record: Record) -> List[str]:
    tids = lock.get("waiters") or []
    if not tids:
        return []
    names = {thread.get("tid"): thread.get("name") for thread in [record, *threads]}
    names[record.get("tid")] = record.get("thread")
    named = [f"{quoted(names[tid])} (tid {tid})" if names.get(tid) else f"tid {tid}" for tid in tids]
    return [f"  {count(len(tids), 'thread')} {'waits' if len(tids) == 1 else 'wait'} for it: {cut(named)}"]
