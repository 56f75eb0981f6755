"""One process with a deadline. It never leaves processes behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path


class Failed(Exception):
    """A run without a figure, and the reason."""


class TooSlow(Failed):
    """A run that was stopped at its deadline."""

    def __init__(self, seconds: float):
        super().__init__(f"took more than {seconds:.0f} s")
        self.seconds = seconds


def environment(variables: dict[str, str]) -> dict[str, str]:
    """This process's environment, without preloads and forkwatch options, plus these variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FORKWATCH_", "LD_PRELOAD"))}
    return {**kept, **variables}


def end_group(process: subprocess.Popen) -> None:
    """Ends it and everything it started that stayed in its process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def start(command: list[str], variables: dict[str, str], **options) -> subprocess.Popen:
    """Starts it in a process group of its own. The caller ends it by `end_group`."""
    return subprocess.Popen(
        command,
        env=environment(variables),
        start_new_session=True,
        stdin=options.pop("stdin", subprocess.DEVNULL),
        **options,
    )


def run(command: list[str], variables: dict[str, str], seconds: float, stdin: Path | None = None) -> tuple[str, float]:
    """Its output, and the nanoseconds it took. Its standard error is shown if it fails."""
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as said, contextlib.ExitStack() as files:
        given = files.enter_context(stdin.open("rb")) if stdin else subprocess.DEVNULL
        begin = time.perf_counter_ns()
        process = start(command, variables, stdin=given, stdout=printed, stderr=said)
        try:
            status = process.wait(timeout=seconds)
            taken = time.perf_counter_ns() - begin
        except subprocess.TimeoutExpired:
            raise TooSlow(seconds) from None
        finally:
            end_group(process)
        if status != 0:
            said.seek(0)
            words = said.read().decode(errors="replace").split()
            raise Failed(f"{Path(command[0]).name} ended with status {status}: {' '.join(words)[:160]}")
        printed.seek(0)
        return printed.read().decode(errors="replace"), float(taken)
