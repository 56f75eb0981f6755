"""Forks beside threads that take locks all the time, whose children take none: so they end natively, too."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

from bench.building import PROGRAMS, c_program
from bench.columns import AGAIN, FORKWATCH, NATIVE, SETTLE, Column
from bench.process import run
from bench.workloads import LONGEST_RUN, Workload

MICROSECOND = 1000.0
NOTHING = "child-takes-nothing"
# Options that change nothing here, and tools that change everything.
MEASURED = (NATIVE.name, AGAIN, FORKWATCH, SETTLE)
MEDIAN, NEARLY_ALL, LONGEST = "median", "99 of 100", "longest"


@dataclass(frozen=True)
class HeldBack(Workload):
    """`programs/held_back.c` or `.py`: how long its forks take, and one thread's lock calls with their work."""

    programs = ()
    # `python` for the interpreter that runs this, else for the program in C.
    language: str
    kind: str
    threads: int
    forks: int

    def reason_to_leave_out(self, column: Column) -> str | None:
        return None if column.name in MEASURED else f"only with {' and '.join(MEASURED[2:])}"

    def run(self, column: Column) -> dict[str, float]:
        if self.language == "python":
            program = [sys.executable, "-W", "ignore", str(PROGRAMS / "held_back.py")]
        else:
            program = [str(c_program("held_back"))]
        command = [*program, self.kind, str(self.threads), str(self.forks), NOTHING]
        measured = json.loads(run(command, column.variables, LONGEST_RUN)[0])
        return {
            f"{what}, {which}": microseconds * MICROSECOND
            for what in ("fork", "lock")
            for which, microseconds in zip((MEDIAN, NEARLY_ALL, LONGEST), measured[f"{what}_us"])
        }
