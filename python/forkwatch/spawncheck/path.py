"""Writes a chain of pickled objects as a programmer would: `Application._processes[0]._popen.finalizer._weakref`.

Between an object and its attributes, pickle passes others: the dictionary of its state, the tuple of its constructor's
arguments. They are steps of the chain, but not of the path.
"""

import functools
from collections import deque
from types import FunctionType, MethodType
from typing import Any, List, Mapping, Optional, Tuple

# The arguments of the functions that run a pool's workers: `multiprocessing.pool.worker` and
# `concurrent.futures.process._process_worker`.
_WORKERS = {("multiprocessing.pool", "worker"), ("concurrent.futures.process", "_process_worker")}
_WORKER_ARGUMENTS = {2: "initializer", 3: "initargs"}
# What multiprocessing makes of a `functools.partial`.
_PARTIAL_PARTS = (".func", ".args", ".keywords")
_ROOTS = {"._target": "target", "._args": "args", "._kwargs": "kwargs"}


def describe(chain: List[Any]) -> str:
    """The path from the process to the last object of the chain."""
    process = chain[0]
    text = type(process).__name__
    place = 1
    while place < len(chain):
        owner = chain[place - 1]
        step, place = _step(chain, place)
        if isinstance(owner, MethodType):
            # `Process(target=application.run)`: the reader thinks of the application, not of the target's `__self__`.
            is_top = text in ("target", "initializer")
            text = type(chain[place - 1]).__name__ if is_top and step == ".__self__" else text + step
        elif owner is process:
            text = _ROOTS.get(step, text + step)
        elif text == "args" and owner is getattr(process, "_args", None) and _is_pool_worker(process):
            index = _index(owner, chain[place - 1])
            text = _WORKER_ARGUMENTS.get(-1 if index is None else index, text + step)
        else:
            text += step
    return text


def _is_pool_worker(process: Any) -> bool:
    target = getattr(process, "_target", None)
    return (getattr(target, "__module__", None), getattr(target, "__name__", None)) in _WORKERS


def _step(chain: List[Any], place: int) -> Tuple[str, int]:
    """One step of the path that begins at `place`, and where the next begins."""
    owner, child = chain[place - 1], chain[place]
    if type(owner) in (list, tuple):
        return f"[{_shown(_index(owner, child))}]", place + 1
    if type(owner) is dict:
        return _key(owner, child), place + 1
    if type(owner) in (set, frozenset):
        return f"{{{type(child).__name__}}}", place + 1
    if type(child) is tuple and not _attribute(owner, child):
        return _through_tuple(chain, place)
    if type(child) is dict and not _attribute(owner, child):
        # The state of an object: its attributes.
        if place + 1 < len(chain):
            return _attribute_of_state(child, chain[place + 1]), place + 2
        return "", place + 1
    return _inside(owner, child), place + 1


def _through_tuple(chain: List[Any], place: int) -> Tuple[str, int]:
    """The arguments of a constructor, or a state of several parts."""
    owner, parts = chain[place - 1], chain[place]
    if place + 1 >= len(chain):
        return "", place + 1
    child = chain[place + 1]
    index = _index(parts, child)
    if isinstance(owner, MethodType):
        return ".__self__", place + 2
    if isinstance(owner, functools.partial) and len(parts) == len(_PARTIAL_PARTS) and index is not None:
        return _PARTIAL_PARTS[index], place + 2
    if len(parts) == 2 and type(child) is dict and not _attribute(owner, child):
        # A class with `__slots__`: (the dictionary or None, the slots).
        if place + 2 < len(chain):
            return _attribute_of_state(child, chain[place + 2]), place + 3
        return "", place + 2
    arguments = getattr(owner, "args", None)
    if isinstance(owner, BaseException) and isinstance(arguments, tuple):
        return f".args[{_shown(_index(arguments, child))}]", place + 2
    return _attribute(owner, child) or f".__reduce__()[1][{_shown(index)}]", place + 2


def _inside(owner: Any, child: Any) -> str:
    """An item of a special container, a class, or anything else that a `__reduce__` returns."""
    if child is type(owner):
        return ".__class__"
    if isinstance(owner, Mapping):
        return _key(owner, child)
    if isinstance(owner, (list, deque)):
        return f"[{_shown(_index(owner, child))}]"
    return _attribute(owner, child) or ("" if isinstance(child, (FunctionType, type)) else ".__getstate__()")


def _attribute(owner: Any, child: Any) -> str:
    """The attribute that holds the child, without running code of the program: `.name`, or nothing."""
    for name, value in _plain_attributes(owner):
        if value is child:
            return f".{name}"
    return ""


def _plain_attributes(owner: Any) -> List[Tuple[str, Any]]:
    try:
        found = list(object.__getattribute__(owner, "__dict__").items())
    except Exception:
        found = []
    for base in type(owner).__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            try:
                found.append((name, base.__dict__[name].__get__(owner)))
            except Exception:
                continue
    return found


def _attribute_of_state(state: Mapping[Any, Any], child: Any) -> str:
    for name, value in list(state.items()):
        if value is child:
            return f".{name}" if isinstance(name, str) and name.isidentifier() else f"[{_short(name)}]"
    return ".__getstate__()"


def _key(owner: Mapping[Any, Any], child: Any) -> str:
    for key, value in list(owner.items()):
        if value is child:
            return f"[{_short(key)}]"
    return "{key}"


def _index(owner: Any, child: Any) -> Optional[int]:
    return next((index for index, value in enumerate(owner) if value is child), None)


def _shown(index: Optional[int]) -> str:
    return "?" if index is None else str(index)


def _short(key: Any) -> str:
    """A key as it is written; those of the program's own types by their type, whose `__repr__` is not to be run."""
    if type(key) in (str, bytes, int, float, bool, type(None)):
        text = repr(key)
        return text if len(text) <= 60 else text[:57] + "..."
    return f"<{type(key).__name__}>"
