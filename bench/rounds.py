"""The order of the runs.

In each round a workload is run under all columns, native among them, one right after the other, so that what they are
compared with was measured at the same time; each round begins with another column.

A tool that takes over `SLOW` times native has its turn in few rounds only, and all that is slow by nature has an amount
of its own time: what is then not measured is reported.
"""

from __future__ import annotations

import time
from typing import Callable

from bench.columns import NATIVE, Column
from bench.process import Failed, TooSlow
from bench.results import Cell, Result
from bench.rows import Row, Unit
from bench.workloads import Workload
from bench.workloads.compiled import Compiled

SLOW = 20.0
ROUNDS_OF_SLOW = 3
# Seconds for each tool: for the programs that time themselves, and for whole runs of others.
SECONDS_FOR_PARTS = 30.0
SECONDS_FOR_WHOLES = 20.0
# A workload that took this long under a tool is not run again.
LONG_RUN = 2.0


def seconds_for(workload: Workload) -> float:
    """How long a tool may take for all workloads of this kind together."""
    return SECONDS_FOR_PARTS if isinstance(workload, Compiled) else SECONDS_FOR_WHOLES


class Rounds:
    """All runs of all workloads."""

    def __init__(self, rows: list[Row], columns: list[Column], report: Callable[[str], None]):
        self.columns = columns
        self.report = report
        self.results = [Result(row) for row in rows]
        self.spent: dict[tuple[str, float], float] = {}
        self.longest: dict[tuple[Workload, str], float] = {}
        for result in self.results:
            result.skipped = result.row.workload.reason_to_skip()
            for column in columns:
                reason = column.reason_to_skip() or result.row.workload.reason_to_leave_out(column)
                result.cells[column.name] = Cell(skipped=reason)

    def run(self, rounds: int) -> list[Result]:
        workloads = list(dict.fromkeys(result.row.workload for result in self.results))
        for number in range(rounds):
            self.report(f"round {number + 1} of {rounds}")
            for workload in workloads:
                self.run_workload(workload, number)
        return self.results

    def run_workload(self, workload: Workload, number: int) -> None:
        wanted = [result for result in self.results if result.row.workload == workload and not result.skipped]
        if not wanted:
            return
        due = [NATIVE, *(column for column in self.columns if self.is_due(workload, column, wanted))]
        first = number % len(due)
        figures: dict[str, dict[str, float]] = {}
        late: set[str] = set()
        for column in due[first:] + due[:first]:
            begin = time.monotonic()
            try:
                figures[column.name] = workload.run(column)
            except TooSlow as error:
                figures[column.name] = workload.least(error)
                late.add(column.name)
                self.leave_out(wanted, column, str(error))
            except Failed as error:
                self.leave_out(wanted, column, str(error))
            taken = time.monotonic() - begin
            if column is not NATIVE:
                share = (column.name, seconds_for(workload))
                self.spent[share] = self.spent.get(share, 0.0) + taken
                key = (workload, column.name)
                self.longest[key] = max(taken, self.longest.get(key, 0.0))
        for result in wanted:
            self.take(result, figures, late)

    def take(self, result: Result, figures: dict[str, dict[str, float]], late: set[str]) -> None:
        """Stores a round's figures in the row's cells."""
        name = result.row.figure
        bare = figures.get(NATIVE.name, {}).get(name)
        if bare is None:
            return
        result.native.append(bare)
        for column in self.columns:
            value = figures.get(column.name, {}).get(name)
            # A run that was stopped says nothing about a small difference.
            if value is not None and not (column.name in late and result.row.unit is not Unit.TIME):
                cell = result.cells[column.name]
                cell.measured.append(value)
                cell.native.append(bare)
                cell.ended |= column.name in late

    def leave_out(self, wanted: list[Result], column: Column, reason: str) -> None:
        for result in wanted:
            if column is NATIVE:
                result.skipped = f"native: {reason}"
            else:
                result.cells[column.name].skipped = reason

    def is_due(self, workload: Workload, column: Column, wanted: list[Result]) -> bool:
        cells = [result.cells[column.name] for result in wanted]
        if any(cell.skipped for cell in cells):
            return False
        done = max(len(cell.measured) for cell in cells)
        seconds = seconds_for(workload)
        if column.is_tool and self.spent.get((column.name, seconds), 0.0) > seconds:
            if done == 0:
                self.leave_out(wanted, column, f"the {seconds:.0f} s for it were over")
            return False
        if done == 0:
            return True
        if column.is_tool and self.longest[(workload, column.name)] > LONG_RUN:
            return False
        slow = column.is_tool and all((cell.ratio() or 0) > SLOW for cell in cells)
        return not slow or done < ROUNDS_OF_SLOW
