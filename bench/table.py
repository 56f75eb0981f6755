"""The results as a table, for a terminal or in Markdown."""

from __future__ import annotations

from bench.columns import AGAIN, Column
from bench.results import Cell, Result
from bench.rows import Unit

_STEPS = (("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9))


def time(nanoseconds: float) -> str:
    name, step = next((it for it in reversed(_STEPS) if abs(nanoseconds) >= it[1]), _STEPS[0])
    return f"{nanoseconds / step:.3g} {name}"


def amount(value: float, unit: Unit) -> str:
    return f"{value:,.0f} KiB" if unit is Unit.MORE_MEMORY else time(value)


def compared(value: float, unit: Unit) -> str:
    """A ratio, or a difference with its sign."""
    if unit is Unit.TIME:
        return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    if unit is Unit.TIME_ITSELF:
        return time(value)
    return f"{'+' if value >= 0 else '−'}{amount(abs(value), unit)}"


def shown_cell(name: str, cell: Cell | None, result: Result, rounds: int) -> str:
    unit = result.row.unit
    figure = cell.figure(result.row) if cell else None
    if cell is None or figure is None:
        return "–"
    if name == AGAIN and unit is Unit.TIME:
        pairs = cell.compared(unit)
        return f"{compared(min(pairs), unit)}…{compared(max(pairs), unit)}"
    text = f"> {compared(figure, unit)}" if cell.ended else compared(figure, unit)
    return f"({text})" if len(cell.measured) < rounds else text


def shown_target(result: Result) -> str:
    limit, unit = result.limit(), result.row.unit
    if limit is None:
        return ""
    text = compared(limit, unit) if unit is Unit.TIME else f"+{amount(limit, unit)}"
    return f"{text} {'–' if result.met() is None else 'met' if result.met() else 'MISSED'}"


def lines(results: list[Result], columns: list[Column], rounds: int) -> list[list[str]]:
    """Header and rows, as strings."""
    shown = [column for column in columns if any(result.cells[column.name].measured for result in results)]
    table = [["row", "native", *(column.name for column in shown), "target"]]
    for result in results:
        if result.native:
            native = amount(result.row.choose(result.native), result.row.unit)
            cells = [shown_cell(column.name, result.cells.get(column.name), result, rounds) for column in shown]
            table.append([result.row.name, native, *cells, shown_target(result)])
    return table


def as_text(table: list[list[str]]) -> str:
    widths = [max(len(row[place]) for row in table) for place in range(len(table[0]))]
    padded = [
        [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))] for row in table
    ]
    return "\n".join("  ".join(row) for row in padded)


def as_markdown(table: list[list[str]]) -> str:
    head, *rows = table
    ruler = ["---", *("---:" for _ in head[1:])]
    # A cell that begins with `>` is not a quotation inside a table, and a command's name keeps its quotes.
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ruler, *rows])


def notes(results: list[Result], columns: list[Column], rounds: int) -> list[str]:
    """How to read it, and each thing that was skipped with its reason."""
    lines = [
        f"Medians of {rounds} pairs, of what is longest the longest; times as ratios to native, added to native (+), or"
        " as they are. In parentheses: fewer pairs, because the tool is slow. >: stopped before its end. native again:"
        " the lowest and the highest ratio.",
    ]
    lines += [
        f"{column.name}: {column.meaning}." for column in columns if column.meaning and not column.reason_to_skip()
    ]
    lines += [f"skipped: {result.row.name}: {result.skipped}" for result in results if result.skipped]
    for column in columns:
        if column.reason_to_skip():
            lines.append(f"skipped: {column.name}: {column.reason_to_skip()}")
            continue
        # Each workload once, however many rows its figures have.
        reasons: dict[str, dict[str, None]] = {}
        for result in results:
            reason = result.cells[column.name].skipped
            if reason and not result.skipped:
                reasons.setdefault(reason, {})[result.row.name.split(":")[0]] = None
        lines += [f"skipped: {column.name}: {reason}: {'; '.join(names)}" for reason, names in reasons.items()]
    return lines


def tally(results: list[Result]) -> str:
    """How many targets were met, and which were not."""
    missed = [result.row.name for result in results if result.met() is False]
    met = sum(result.met() is True for result in results)
    return f"targets: {met} met, {len(missed)} missed" + (f": {'; '.join(missed)}" if missed else "")
