"""The results of the runs: medians of measured pairs."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from bench.columns import AGAIN, FORKWATCH
from bench.rows import NOISE, Row, Unit


@dataclass
class Cell:
    """A row under a column. `measured` and `native` belong together, pair by pair."""

    measured: list[float] = field(default_factory=list)
    native: list[float] = field(default_factory=list)
    # Why there is no figure, or no more of them.
    skipped: str | None = None
    # Whether the runs were stopped, so that the figure is a lower bound.
    ended: bool = False

    def compared(self, unit: Unit) -> list[float]:
        """Each pair as in the table: a ratio, the difference from native, or the value itself."""
        if unit is Unit.TIME_ITSELF:
            return self.measured
        pairs = zip(self.measured, self.native)
        return [value / bare if unit is Unit.TIME else value - bare for value, bare in pairs]

    def ratio(self) -> float | None:
        """How many times native it takes."""
        return statistics.median(self.compared(Unit.TIME)) if self.measured else None

    def figure(self, row: Row) -> float | None:
        """That of all rounds."""
        return row.choose(self.compared(row.unit)) if self.measured else None


@dataclass
class Result:
    """A row with its cells, by the columns' names. `skipped`: why there are none."""

    row: Row
    native: list[float] = field(default_factory=list)
    cells: dict[str, Cell] = field(default_factory=dict)
    skipped: str | None = None

    def limit(self) -> float | None:
        """The number that forkwatch's median should not exceed."""
        if self.row.target != NOISE:
            return self.row.target
        again = self.cells.get(AGAIN, Cell()).compared(self.row.unit)
        return max(again) if again else None

    def met(self) -> bool | None:
        """Whether it does not; `None` where there is no target or no figure."""
        limit, cell = self.limit(), self.cells.get(FORKWATCH)
        figure = cell.figure(self.row) if cell else None
        return None if limit is None or figure is None else figure <= limit

    def as_json(self) -> dict:
        """Includes the pairs, so that the medians can be checked."""
        cells = {
            name: {
                "median": cell.figure(self.row),
                "rounds": len(cell.measured),
                "measured": cell.measured,
                "native": cell.native,
                "at_least": cell.ended,
                "skipped": cell.skipped,
            }
            for name, cell in self.cells.items()
        }
        native = self.row.choose(self.native) if self.native else None
        kind = {Unit.TIME: "ratio", Unit.TIME_ITSELF: "none"}.get(self.row.unit, "difference")
        return {
            "name": self.row.name,
            "unit": "KiB" if self.row.unit is Unit.MORE_MEMORY else "ns",
            "compared_by": kind,
            "native": native,
            "target": self.limit(),
            "met": self.met(),
            "skipped": self.skipped,
            "columns": cells,
        }
