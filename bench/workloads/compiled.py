"""A program of `programs/` in C, which gets its running time as an argument, and times itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from bench.building import c_program
from bench.columns import Column
from bench.process import run
from bench.workloads import LONGEST_RUN, Workload

# How long a program takes samples.
MILLISECONDS = "60"


@dataclass(frozen=True)
class Compiled(Workload):
    """`programs/SOURCE.c WORDS`. It prints one line per figure: its name and samples, from which `choose` selects."""

    programs = ()
    source: str
    words: tuple[str, ...]
    choose: Callable[[list[float]], float] = min

    def reason_to_leave_out(self, column: Column) -> str | None:
        return None

    def run(self, column: Column) -> dict[str, float]:
        program = c_program(self.source, column.flags)
        printed, _ = run([*column.before, str(program), *self.words], column.variables, LONGEST_RUN)
        lines = [line.split("\t") for line in printed.splitlines()]
        return {name: self.choose([float(sample) for sample in samples]) for name, *samples in lines}
