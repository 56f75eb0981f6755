"""Restarts pytest with the library preloaded, as the same process: a library cannot be preloaded afterwards.

A variable marks the restarted process and names its log. The workers of pytest-xdist inherit the variable and the
library, so only the controller restarts.
"""

import os
import sys
from typing import Any, Dict, List, NamedTuple, Optional

import pytest

from forkwatch.command import CommandMissing, command_path
from forkwatch.pytest_plugin import folders, tool_threads
from forkwatch.pytest_plugin.settings import Settings
from forkwatch.text import harmless

# `PID:FOLDER:LOG`. Not named FORKWATCH_*: the library would take it for a misspelt option of its own.
_VARIABLE = "_FORKWATCH_PYTEST"
_LOG_NAME = "records.jsonl"

# What cannot come after our library in LD_PRELOAD: (part of the file's name, who it is, what to do).
_CONFLICTS = (
    ("libasan", "AddressSanitizer", "its runtime must be the first library loaded"),
    ("clang_rt.asan", "AddressSanitizer", "its runtime must be the first library loaded"),
    ("libtsan", "ThreadSanitizer", "it watches the same calls, and must see them first"),
    ("clang_rt.tsan", "ThreadSanitizer", "it watches the same calls, and must see them first"),
    ("liblsan", "LeakSanitizer", "its runtime must be the first library loaded"),
    ("vgpreload_", "Valgrind", "it does not follow a program that restarts"),
)


class Run(NamedTuple):
    """The watched run that this process belongs to."""

    # The process that shows the summary, and clears up.
    is_main: bool
    # For what this run needs.
    folder: str
    # The records of all its processes; in the folder, unless the user wants them elsewhere.
    log: str


def current_run() -> Optional[Run]:
    """The run that this process or the controller of this worker started; `None` before the restart."""
    pid, *paths = os.environ.get(_VARIABLE, "").split(":", 2)
    if len(paths) != 2:
        return None
    if pid == str(os.getpid()):
        return Run(True, *paths)
    # A pytest that a test starts is not a worker, and begins its own run.
    return Run(False, *paths) if _is_worker() else None


def ensure_watched(config: Any, settings: Settings) -> None:
    """Returns if this pytest is watched; otherwise becomes one that is."""
    if current_run() is not None:
        if _is_worker():
            tool_threads.name_them()
        return
    if _is_worker():
        # For example on another machine: its command line belongs to execnet, and it must not restart.
        return
    if _is_inside_test():
        raise pytest.UsageError(
            "--forkwatch restarts its process, which a pytest inside a test cannot do: use "
            "pytester.runpytest_subprocess"
        )
    for part, who, reason in _CONFLICTS:
        if part in os.environ.get("LD_PRELOAD", ""):
            raise pytest.UsageError(
                f"--forkwatch cannot run with {who} in LD_PRELOAD ({reason}): run these tests once without --forkwatch "
                f"and once without {who}"
            )
    if not sys.executable:
        raise pytest.UsageError("--forkwatch restarts Python, but sys.executable is not set")
    try:
        command = command_path()
    except CommandMissing as missing:
        raise pytest.UsageError(str(missing)) from None
    words = [command, "run", "--", sys.executable, *_interpreter_words()]
    environment = _environment(settings)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command, words, environment)


def _environment(settings: Settings) -> Dict[str, str]:
    environment = dict(os.environ)
    folder = folders.new()
    wanted = os.environ.get("FORKWATCH_LOG", "")
    log = _plain_log(wanted) or os.path.join(folder, _LOG_NAME)
    if wanted and not _plain_log(wanted):
        why = "pytest needs one file with the records of all processes"
        print(harmless(f"forkwatch: FORKWATCH_LOG={wanted} is not used: {why}"), file=sys.stderr)
    rules = os.path.join(folder, "tools.supp")
    with open(rules, "w", encoding="ascii") as file:
        file.write(tool_threads.RULES)
    suppress = [*settings.suppress, rules, *filter(None, os.environ.get("FORKWATCH_SUPPRESS", "").split(":"))]
    environment.update(
        {
            _VARIABLE: f"{os.getpid()}:{folder}:{log}",
            "FORKWATCH_LOG": log.replace("%", "%%"),
            "FORKWATCH_STRICT": settings.strict,
            "FORKWATCH_SUPPRESS": ":".join(suppress),
            # The tests show the text, each its own.
            "FORKWATCH_TEXT": "off",
            # The second test with the same fault has it too.
            "FORKWATCH_REPEAT": "all",
        }
    )
    # An abort would end all other tests of this process; a failing fork fails the one that forks.
    environment.setdefault("FORKWATCH_ACTION", "fail")
    return environment


def _plain_log(value: str) -> Optional[str]:
    """The user's own log, if all processes share it."""
    if not value or "%" in value or value == "journald" or value.startswith(("fd:", "unix:")):
        return None
    return os.path.abspath(value)


def _interpreter_words() -> List[str]:
    """How this process was started, without the interpreter: the options of both, and whatever runs pytest."""
    original = getattr(sys, "orig_argv", None)
    if original is None:
        # Before 3.10 only the kernel knows.
        with open("/proc/self/cmdline", "rb") as file:
            original = [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
    return list(original[1:])


def _is_worker() -> bool:
    """Whether this is a worker of pytest-xdist: execnet starts them as `python -c`."""
    return "PYTEST_XDIST_WORKER" in os.environ and "-c" in _interpreter_words()[:4]


def _is_inside_test() -> bool:
    """Whether the test that the environment names runs in this very process."""
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "pytest_runtest_protocol":
            return True
        frame = frame.f_back
    return False
