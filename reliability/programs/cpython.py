"""CPython's own `test` package."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.process import end_group, start

from reliability.outcomes import DIED, HUNG, NOT_RUN
from reliability.process import Failed, output
from reliability.programs import Program
from reliability.pythons import VERSIONS, interpreter
from reliability.way import Way

RUNNER = Path(__file__).resolve().parent.parent / "run_cpython_tests.py"
MODULES = (
    "test_threading",
    "test_multiprocessing_fork",
    "test_multiprocessing_spawn",
    "test_multiprocessing_forkserver",
    "test_subprocess",
    "test_os",
    "test_posix",
    "test_fork1",
    "test_concurrent_futures",
    "test_asyncio",
    "test_signal",
    "test_logging",
    "test_faulthandler",
    "test_ctypes",
)
# The longest wait for a test; the module then continues after it, this many times at most.
LONGEST_TEST = 120
MAX_RESTARTS = 8
LOOKS_A_SECOND = 10


@dataclass(frozen=True)
class CPython(Program):
    """One of the modules that start threads, processes and signals."""

    version: str
    module: str

    @property
    def name(self) -> str:
        return f"cpython-{self.version}/{self.module}"

    def prepare(self, folder: Path) -> str:
        python = interpreter(self.version)
        if python is None:
            raise Failed("it is not installed")
        # Some installations lack the largest modules.
        if not self._has(python):
            raise Failed("the interpreter does not include it")
        return output([str(python), "-c", "import platform; print(platform.python_version())"])

    def run(self, way: Way, folder: Path, only: tuple[str, ...] = ()) -> dict[str, str]:
        ends: dict[str, str] = {}
        for _attempt in range(MAX_RESTARTS):
            ends_now, is_whole = self._rest(way, folder, only, ends)
            ends.update(ends_now)
            if is_whole:
                return ends
        return {**ends, f"test.{self.module}": NOT_RUN}

    def _has(self, python: Path) -> bool:
        code = f"import importlib.util as u, sys; sys.exit(u.find_spec('test.{self.module}') is None)"
        return subprocess.run([str(python), "-c", code], stderr=subprocess.DEVNULL).returncode == 0

    def _rest(self, way, folder, only, done):
        """Results of the tests that one process ran, and whether it ran them all."""
        title = way.name
        results = folder / f"{title}.results"
        results.write_text("")
        (folder / f"{title}.only").write_text("".join(f"{name}\n" for name in only))
        (folder / f"{title}.done").write_text("".join(f"{name}\n" for name in done))
        choice = [str(folder / f"{title}.only"), str(folder / f"{title}.done")]
        command = [str(interpreter(self.version)), str(RUNNER), str(results), self.module, *choice]
        with tempfile.TemporaryDirectory(prefix="forkwatch-") as place, open(folder / f"{title}.log", "ab") as log:
            process = start(command, way.variables(), cwd=place, stdout=log, stderr=subprocess.STDOUT)
            try:
                is_hung = not ended(process, results)
            finally:
                end_group(process)
        ends: dict[str, str] = {}
        for line in results.read_text(errors="replace").splitlines():
            name, _tab, end = line.rpartition("\t")
            # A test has failed if any part of it failed, whatever follows.
            if ends.get(name) != "failed":
                ends[name] = end
        open_ones = [name for name, end in ends.items() if end == "begun"]
        for name in open_ones:
            ends[name] = HUNG if is_hung else DIED
        if not ends and process.returncode != 0:
            print(f"{self.name} ended with {process.returncode}", file=sys.stderr)
        return ends, not open_ones and not is_hung


def ended(process, results):
    """Waits for its end; `False` once it has produced no results for too long."""
    size, since = 0, time.monotonic()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1 / LOOKS_A_SECOND)
            return True
        now = results.stat().st_size
        if now != size:
            size, since = now, time.monotonic()
        elif time.monotonic() - since > LONGEST_TEST:
            return False


ROWS = tuple(CPython(version, module) for version in VERSIONS for module in MODULES)
