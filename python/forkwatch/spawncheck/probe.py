"""Pickles a process object as `spawn` would, discards the result, and has no side effects of its own.

The program's reducers are called, as `spawn` would call them (and a second time by `trace` when something fails).
Nothing registers a descriptor or a semaphore for a child that is never started: a stand-in for the child
takes descriptors without duplicating them, and types that exist to be sent to a process count as sound.
"""

import time
from multiprocessing import context, reduction
from types import FunctionType
from typing import Any, Dict, List, Optional, cast

# The reducers that are for multiprocessing alone, by type; the attribute has had this name since 3.3.
REDUCERS: Dict[type, Any] = cast(Any, reduction.ForkingPickler)._extra_reducers

# The most time a check may take, so that a checked program stays usable.
SECONDS = 2.0


class TimeUp(Exception):
    """The check took too long and proves nothing."""


class Deadline:
    """When to give up."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._end = time.monotonic() + seconds

    def check(self) -> None:
        """Raises `TimeUp` once the time is over."""
        if time.monotonic() > self._end:
            raise TimeUp


class Spawning:
    """Stands in for the child while its process object is pickled, and puts back what was there."""

    method = "spawn"

    @staticmethod
    def DupFd(fd: int) -> int:  # noqa: N802
        """What goes into the pickle for a descriptor."""
        return fd

    @staticmethod
    def duplicate_for_child(fd: int) -> int:
        """A real child would get it; this one needs none."""
        return fd

    def __enter__(self) -> "Spawning":
        self._before = context.get_spawning_popen()
        context.set_spawning_popen(cast(Any, self))
        return self

    def __exit__(self, *_exception: Any) -> None:
        context.set_spawning_popen(self._before)


class Rules:
    """What both picklers share: the time limit, what counts as picklable, and what they found of the main module."""

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.of_main: List[Any] = []

    def reduce(self, instance: Any) -> Any:
        """The shape of `pickle.Pickler.reducer_override`."""
        self.deadline.check()
        if isinstance(instance, (FunctionType, type)):
            if getattr(instance, "__module__", None) == "__main__":
                self.of_main.append(instance)
        elif is_made_to_be_sent(instance):
            return str, ()
        return NotImplemented


def is_made_to_be_sent(instance: Any) -> bool:
    """Whether the object's type has a reducer for multiprocessing alone, or is one of its locks.

    A lock of the start method `fork` refuses to be pickled, but a program that moves to `spawn` makes its locks there.
    """
    kind = type(instance)
    if any(base.__module__ == "multiprocessing.synchronize" and base.__name__ == "SemLock" for base in kind.__mro__):
        return True
    reducer = REDUCERS.get(kind)
    # Those of the module `reduction` are for methods, partial functions and sockets, and look further inside.
    return reducer is not None and getattr(reducer, "__module__", "") != "multiprocessing.reduction"


class _Nowhere:
    """A file that only asks for the time: long lists of plain values call no reducer."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def write(self, data: Any) -> int:
        self._deadline.check()
        return len(data)


class _Probe(reduction.ForkingPickler):
    def __init__(self, rules: Rules) -> None:
        super().__init__(_Nowhere(rules.deadline))
        self._rules = rules

    def reducer_override(self, instance: Any) -> Any:
        return self._rules.reduce(instance)


def failure(process: Any, rules: Rules) -> Optional[Exception]:
    """What `spawn` would raise when it pickles the process; `TimeUp` if that is not known."""
    try:
        with Spawning():
            _Probe(rules).dump(process)
    except Exception as error:
        return error
    return None
