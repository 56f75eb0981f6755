"""The other threads, holders of locks first and alike ones together."""

from typing import Any, Dict, List, Sequence

from forkwatch.text import frames, locks
from forkwatch.text.words import count, cut, quoted

Record = Dict[str, Any]

# Groups of alike threads that are told before the rest is only counted.
_MOST_GROUPS = 8
# What a thread is created to run where that says nothing: the interpreter's own.
_RUNNERS = ("thread_run", "pythread_wrapper")


def all_of(threads: Sequence[Record], held: Sequence[Record]) -> List[str]:
    """The sections of all threads."""
    owners = {lock.get("owner_tid") for lock in held}
    # One that holds a lock stands alone.
    groups = [[thread] for thread in threads if thread.get("tid") in owners]
    alike: Dict[str, List[Record]] = {}
    for thread in threads:
        if thread.get("tid") not in owners:
            alike.setdefault(_likeness(thread), []).append(thread)
    groups += alike.values()
    lines: List[str] = []
    for group in groups[:_MOST_GROUPS]:
        lines += _section(group, held)
    untold = sum(map(len, groups[_MOST_GROUPS:]))
    return [*lines, "", f"... and {count(untold, 'more thread')}"] if untold else lines


def _likeness(thread: Record) -> str:
    """The same for threads that were started alike and do the same."""
    call = (thread.get("waiting") or {}).get("call")
    stacks = [thread.get(name) for name in ("start_routine", "created_stack", "stack", "python_stack")]
    return repr((call, stacks))


def _section(group: Sequence[Record], held: Sequence[Record]) -> List[str]:
    first = group[0]
    if len(group) == 1:
        own = [lock for lock in held if lock.get("owner_tid") == first.get("tid")]
        holds = f" holds {locks.all_as_held(own)}" if own else ""
        lines = ["", f"Thread {_called(first)}{holds}"]
    else:
        lines = ["", f"{len(group)} threads: {cut([_called(thread) for thread in group])}"]
    return [*lines, *_now(first, held), *_created(first)]


def _called(thread: Record) -> str:
    return f"{quoted(thread.get('name'))} (tid {thread.get('tid')})"


def _now(thread: Record, held: Sequence[Record]) -> List[str]:
    waiting = thread.get("waiting")
    doing = "running"
    if isinstance(waiting, dict):
        address = waiting.get("address")
        wanted = next((lock for lock in held if address and lock.get("address") == address), None)
        doing = f"waiting{f' for {locks.in_words(wanted)}' if wanted else ''} in {waiting.get('call')}"
    stack = frames.stack(4, thread.get("python_stack"), thread.get("stack"))
    return [f"  now {doing} at:", *stack] if stack else [f"  now {doing}"]


def _created(thread: Record) -> List[str]:
    """Nothing for a thread that Python made: the interpreter's functions are the same for each."""
    routine = str(thread.get("start_routine") or "")
    to_run = "" if not routine or routine.startswith(_RUNNERS) else routine
    created = thread.get("created_stack")
    if created is None:
        return [f"  runs {to_run}; its creation was not seen" if to_run else "  its creation was not seen"]
    if frames.says_nothing(created):
        return []
    return [f"  created{f' to run {to_run}' if to_run else ''} at:", *frames.stack(4, None, created)]
