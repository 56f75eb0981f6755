"""Whole runs of commands, timed from outside."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from bench.columns import Column
from bench.process import Failed, TooSlow, environment, run
from bench.workloads import EACH, LONGEST_RUN, Workload

# A start takes about a millisecond; this many give one figure.
STARTS = 25
STARTING_SECONDS = 0.4


@dataclass(frozen=True)
class Start(Workload):
    """How long a command that does nothing takes from start to end: the fastest of several."""

    programs = ()
    command: tuple[str, ...]

    def run(self, column: Column) -> dict[str, float]:
        command, variables = [*column.before, *self.command], environment(column.variables)
        # Checks that it can be run, and its maximum time.
        run(command, column.variables, LONGEST_RUN)
        quickest, until = float("inf"), time.perf_counter() + STARTING_SECONDS
        for _ in range(STARTS):
            begin = time.perf_counter_ns()
            _, status = os.waitpid(os.posix_spawnp(command[0], command, variables), 0)
            quickest = min(quickest, float(time.perf_counter_ns() - begin))
            if status != 0:
                raise Failed(f"{command[0]} ended with wait status {status}")
            if time.perf_counter() > until:
                break
        return {EACH: quickest}


@dataclass(frozen=True)
class Whole(Workload):
    """A whole run of a program that does some work. `prepare` makes its input in a directory."""

    programs: tuple[str, ...]
    # `{input}` stands for what `prepare` returned.
    command: tuple[str, ...]
    prepare: Callable[[], Path] | None = None
    # Whether that is its standard input.
    reads: bool = False

    def run(self, column: Column) -> dict[str, float]:
        made = self.prepare() if self.prepare else None
        command = [word.format(input=made) for word in self.command]
        _, taken = run([*column.before, *command], column.variables, LONGEST_RUN, made if self.reads else None)
        return {EACH: taken}

    def least(self, late: TooSlow) -> dict[str, float]:
        return {EACH: late.seconds * 1e9}
