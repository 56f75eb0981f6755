"""Checks a process that is about to be forked for `spawn`; reports each place that starts processes once."""

import os
from types import FrameType
from typing import Any, List, Optional, Set, Tuple

from forkwatch.spawncheck.main_module import MainModule
from forkwatch.spawncheck.path import describe
from forkwatch.spawncheck.probe import SECONDS, Deadline, Rules, TimeUp, failure
from forkwatch.spawncheck.trace import chain_to_failure
from forkwatch.text import harmless

_START = "forkwatch: spawn check: "
# The program called one of these to start a process; the place reported is their caller.
_MACHINERY = ("multiprocessing", "concurrent.futures")
# A limit for programs that start processes in ever new ways.
_MAX_REPORTS = 100

_reported: Set[Tuple[str, ...]] = set()


def check(process: Any, frame: FrameType) -> None:
    """Reports whether this process would survive `spawn`."""
    caller = _caller(frame)
    place = _place(caller) if caller else "an unknown place"
    faults = _faults(process, frame)
    key = (place, *faults)
    if key in _reported or len(_reported) >= _MAX_REPORTS:
        return
    _reported.add(key)
    verdict = 'would not survive "spawn"' if faults else 'would survive "spawn"'
    _print([f"{_name(process)}, started at {place}, {verdict}", *("  " + fault for fault in faults)])


def _faults(process: Any, frame: FrameType) -> List[str]:
    rules = Rules(Deadline())
    error = failure(process, rules)
    if isinstance(error, TimeUp):
        return [f"not known: pickling it takes more than {SECONDS:.0f} s"]
    faults = []
    if error is not None:
        faults.append(_pickling_fault(process, error))
    main = MainModule()
    line = main.current_line(frame.f_back)
    if line is not None and main.file and not main.is_guarded(line):
        file = os.path.basename(main.file)
        faults.append(
            f'{file}:{line} is not under `if __name__ == "__main__":`; spawn imports {file} again in each child, '
            "which would run this line again"
        )
    for name in dict.fromkeys(main.hidden(rules.of_main)):
        if main.file:
            reason = 'is only defined under `if __name__ == "__main__":`'
        else:
            reason = "is defined in a main module that has no file"
        faults.append(f"{name} {reason}, so the child could not find it")
    return faults


def _pickling_fault(process: Any, error: Exception) -> str:
    said = f"{type(error).__name__}: {_one_line(str(error))}"
    try:
        chain = chain_to_failure(process, Rules(Deadline()))
        if chain:
            return f"{describe(chain)} does not pickle: {said}"
    except Exception:
        pass
    return f"it does not pickle: {said}"


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 300 else text[:297] + "..."


def _caller(frame: FrameType) -> Optional[FrameType]:
    caller: Optional[FrameType] = frame
    while caller is not None:
        module = str(caller.f_globals.get("__name__", ""))
        if not any(module == name or module.startswith(name + ".") for name in _MACHINERY):
            return caller
        caller = caller.f_back
    return None


def _place(frame: FrameType) -> str:
    code = frame.f_code
    where = "" if code.co_name == "<module>" else f" in {code.co_name}"
    return f"{os.path.basename(code.co_filename)}:{frame.f_lineno}{where}"


def _name(process: Any) -> str:
    name = getattr(process, "_name", None)
    return _one_line(name) if isinstance(name, str) and name else type(process).__name__


def _print(lines: List[str]) -> None:
    """Bypasses `sys.stderr`, whose buffer the fork would copy, and which the program may have replaced."""
    text = "".join(f"{_START}{harmless(line)}\n" for line in lines)
    try:
        os.write(2, text.encode("utf-8", "backslashreplace"))
    except OSError:
        return
