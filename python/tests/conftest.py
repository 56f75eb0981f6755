"""What the tests share: an environment without forkwatch, and small programs that fork."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, List

import pytest

pytest_plugins = ["pytester"]

# A thread holds a lock, and the main thread forks.
HAZARDS = '''
import os
import sys
import threading


class Keeper:
    """A thread that holds a lock, or none, while the body runs."""

    def __init__(self, lock=None):
        self._ready, self._end = threading.Event(), threading.Event()
        self._lock = lock
        self._thread = threading.Thread(target=self._run, name="keeper")

    def _run(self):
        if self._lock is None:
            self._wait()
        else:
            with self._lock:
                self._wait()

    def _wait(self):
        self._ready.set()
        self._end.wait()

    def __enter__(self):
        self._thread.start()
        self._ready.wait()

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()


def fork():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def fork_while_a_lock_is_held():
    with Keeper(threading.Lock()):
        fork()


def fork_while_a_thread_is_alive():
    with Keeper():
        fork()
'''


@pytest.fixture(autouse=True)
def _unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may themselves run under forkwatch, or in a worker."""
    for name in list(os.environ):
        if name.startswith(("FORKWATCH_", "_FORKWATCH_", "PYTEST_XDIST_")) or name in ("LD_PRELOAD", "PYTEST_ADDOPTS"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")


@pytest.fixture
def hazards(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the module `hazards` where the inner tests and their programs find it."""
    pytester.makepyfile(hazards=HAZARDS)
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))


@pytest.fixture
def run_pytest(pytester: pytest.Pytester, hazards: None) -> Callable[..., Any]:
    """Runs pytest in a process of its own."""

    def run(*arguments: str) -> Any:
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=60)

    return run


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs this interpreter in a folder of its own."""

    def run(*arguments: str, **settings: Any) -> "subprocess.CompletedProcess[str]":
        words: List[str] = [sys.executable, *arguments]
        return subprocess.run(words, capture_output=True, text=True, cwd=str(tmp_path), timeout=60, **settings)

    return run
