"""Commands with a deadline and a log. They never leave processes behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.process import end_group, start

LONGEST_SECONDS = 900
TIMEOUT = "timeout"


class Failed(Exception):
    """Something could not be prepared; its text says what."""


def forget_surroundings():
    """Resets what a test would inherit from how it was started, which could change its result."""
    for name in [name for name in os.environ if name.startswith("PYTEST") or name == "CI"]:
        del os.environ[name]
    # A shell starts background jobs with SIGINT ignored. An exec resets handlers.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # When stopped, this process still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def run(command, log, seconds=LONGEST_SECONDS, variables=None, **options):
    """The exit status, or `TIMEOUT`, and the seconds it took. Its output goes to the file `log`."""
    begin = time.monotonic()
    with open(log, "wb") as output:
        words = [str(word) for word in command]
        process = start(words, variables or {}, stdout=output, stderr=subprocess.STDOUT, **options)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = TIMEOUT
        finally:
            end_group(process)
    return status, time.monotonic() - begin


def must(command, log, **options):
    """Runs it, and raises `Failed` unless it ends with 0."""
    status, _seconds = run(command, log, **options)
    if status != 0:
        raise Failed(f"{Path(str(command[0])).name} ended with {status}, see {log}")


def output(command):
    """The output of a query command, on one line; `Failed` if the command is missing."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    except OSError as error:
        raise Failed(f"{command[0]}: {error.strerror}") from None
    return " ".join(done.stdout.split())
