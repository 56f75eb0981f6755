"""Tests that are programs of their own, compiled once: each exits with 0 on success."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from reliability.outcomes import FAILED, HUNG, PASSED
from reliability.process import TIMEOUT, run
from reliability.programs import Program
from reliability.way import Way

LONGEST_TEST = 60
# Thread timing varies: each program is run this often, and each run must succeed.
TIMES = 3


@dataclass(frozen=True)
class Compiled(Program):
    """A suite whose `prepare` fills the folder `built`."""

    def run(self, way: Way, folder: Path, only: tuple[str, ...] = ()) -> dict[str, str]:
        log, ends = folder / f"{way.name}.log", {}
        for program in sorted((folder / "built").iterdir()):
            if only and program.name not in only:
                continue
            ends[program.name] = PASSED
            for _time in range(TIMES):
                status, _seconds = run([program], log, LONGEST_TEST, way.variables(), cwd=folder)
                if status != 0:
                    ends[program.name] = HUNG if status == TIMEOUT else FAILED
        return ends


def compile_if_possible(command: list[str], target: Path) -> None:
    """Runs a compiler, which gets `target` as its output; a test that needs more than is there is left out."""
    new = Path(f"{target}.new")
    command = [*command, "-o", str(new)]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=target.parent)
    if new.exists():
        os.replace(new, target)
