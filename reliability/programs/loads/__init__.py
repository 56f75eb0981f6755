"""Programs under load. Each is a `Load`: what must be installed, how to get the version, and what runs it.

What runs it gets a `Run`, starts what is watched by it, and names each thing that must be so by `run.check`.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from bench.process import end_group, start
from bench.workloads.servers import HOST, free_port

from reliability.outcomes import FAILED, PASSED
from reliability.process import TIMEOUT, Failed, output, run
from reliability.programs import Program
from reliability.way import Way

LONGEST_LOAD = 300
LONGEST_START = 60
PROGRAMS = Path(__file__).resolve().parent / "sources"


class Broken(Exception):
    """A failed check after which nothing else can be tried."""


@dataclass
class Run:
    """One run of a load: its directory, its port, and the results of its checks."""

    way: Way
    folder: Path
    log: Path
    port: int = field(default_factory=free_port)
    ends: dict[str, str] = field(default_factory=dict)

    def check(self, name: str, holds: bool, detail: object = "") -> None:
        """Checks a condition; `detail` goes to the log if it fails. A name that failed once has failed."""
        if not holds:
            with open(self.log, "a", encoding="utf-8", errors="replace") as log:
                print(f"--- {name}: {detail}", file=log)
        if self.ends.get(name) != FAILED:
            self.ends[name] = PASSED if holds else FAILED

    def must(self, name: str, holds: bool, detail: object = "") -> None:
        """A check without which the others make no sense."""
        self.check(name, holds, detail)
        if not holds:
            raise Broken

    def command(self, *words, seconds: float = LONGEST_LOAD, watched: bool = True, **options) -> tuple[int | str, str]:
        """Runs it. Returns its status, or `TIMEOUT`, and its output."""
        printed = self.folder / "printed"
        variables = {**(self.way.variables() if watched else {}), **options.pop("variables", {})}
        status, _seconds = run(words, printed, seconds, variables, cwd=options.pop("cwd", self.folder), **options)
        text = printed.read_text(errors="replace")
        with open(self.log, "a", encoding="utf-8", errors="replace") as log:
            print(f"$ {' '.join(map(str, words))}\n{text[-4000:]}ended with {status}", file=log)
        return status, text

    def passes(self, name: str, *words, wanted: str | None = None, **options) -> str:
        """Checks that the command exits with 0 and prints `wanted`, if given. Returns its output."""
        status, text = self.command(*words, **options)
        self.check(name, status == 0 and (wanted is None or wanted in text), (status, text[-2000:]))
        return text

    @contextlib.contextmanager
    def beside(self, name: str, *words, watched: bool = True, stdin=subprocess.DEVNULL):
        """Runs the command during the body, and checks that it exits with 0 afterwards."""
        with open(self.log, "ab") as log:
            given = self.way.variables() if watched else {}
            process = start([str(word) for word in words], given, stdin=stdin, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield process
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=LONGEST_LOAD)
            self.check(name, process.returncode == 0, process.returncode)
        finally:
            end_group(process)

    @contextlib.contextmanager
    def server(self, *words, variables=None, stop=subprocess.Popen.terminate, **options):
        """Starts it, waits until it listens on `port`, and checks that it exits cleanly when stopped."""
        given = {**self.way.variables(), **(variables or {})}
        with open(self.log, "ab") as log:
            process = start(
                [str(word) for word in words], given, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT, **options
            )
        try:
            self.must("the server listens", listens(process, self.port), process.poll())
            yield process
            self.check("the server lives to the end", process.poll() is None, process.poll())
            stop(process)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=LONGEST_START)
            self.check("the server ends when it is stopped", process.returncode in (0, -15), process.returncode)
        finally:
            end_group(process)


def listens(process, port):
    """A server does not announce that it listens, so it is polled."""
    until = time.monotonic() + LONGEST_START
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError):
            socket.create_connection((HOST, port), timeout=1).close()
            return True
        time.sleep(0.05)
    return False


@dataclass(frozen=True)
class Load(Program):
    """A program and its load. Its checks are its tests."""

    name: str
    needs: tuple[str, ...]
    version: tuple[str, ...]
    drive: Callable[[Run], None]

    def prepare(self, folder: Path) -> str:
        missing = [program for program in self.needs if shutil.which(program) is None and not Path(program).exists()]
        if missing:
            raise Failed(f"{', '.join(missing)}: not installed")
        words = output(list(self.version)).replace(",", " ").replace("v=", " ").split()
        version = next((word for word in words if any(map(str.isdigit, word)) and "." in word), " ".join(words[:3]))
        return version.strip("()").rpartition("/")[2]

    def run(self, way: Way, folder: Path, only: tuple[str, ...] = ()) -> dict[str, str]:
        """Runs everything, even for a single check: the checks depend on one another."""
        log = folder / f"{way.name}.log"
        log.write_text("")
        with tempfile.TemporaryDirectory(prefix="forkwatch-") as place:
            Path(place).chmod(0o755)
            this = Run(way, Path(place), log)
            with contextlib.suppress(Broken):
                self.drive(this)
        return this.ends


__all__ = ["HOST", "TIMEOUT", "Load", "Run"]
