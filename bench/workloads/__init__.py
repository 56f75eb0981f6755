"""What a row runs. A workload runs under one column at a time and produces one or more named figures.

* `Workload`: what each of them offers.
* `compiled`: a program of `programs/` in C, which times itself.
* `held_back`: forks and locks at once, in C and Python.
* `commands`: a whole run of a command, and how long one takes to start.
* `servers`: a server that is watched, under a load generator that is not.
"""

from __future__ import annotations

import shutil

from bench.columns import Column
from bench.process import TooSlow

# The name of the figure of a workload that has only one.
EACH = "each"
# A run that takes longer is stopped; the table then shows a lower bound.
LONGEST_RUN = 5.0


class Workload:
    """Equal workloads run once for all rows that use their figures."""

    # The programs that it needs and that may be missing.
    programs: tuple[str, ...]

    def reason_to_skip(self) -> str | None:
        """Why it cannot be run here; `None` if it can."""
        return next((f"{program} is not installed" for program in self.programs if not shutil.which(program)), None)

    def reason_to_leave_out(self, column: Column) -> str | None:
        """Why it cannot be run under this column; `None` if it can."""
        return "only for programs that are compiled for it" if column.flags else None

    def run(self, column: Column) -> dict[str, float]:
        """Runs it once. Raises `process.Failed`."""
        raise NotImplementedError

    def least(self, late: TooSlow) -> dict[str, float]:
        """Lower bounds of the figures if a run took too long; nothing if not known."""
        return {}
