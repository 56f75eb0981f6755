"""The results as text: a table row for each program, then each test with a different result."""

from __future__ import annotations

from reliability.explanations import explanation
from reliability.outcomes import counted
from reliability.results import Again, Result

HEAD = """\
| program | version | tests passed / failed / skipped natively | watched | different results | findings reported |
|---|---|---|---|---|---|"""


def line(result: Result) -> str:
    found = ", ".join(f"{count} {name}" for name, count in sorted(result.findings.items())) or "none"
    cells = (
        result.name,
        result.version,
        counted(result.native),
        counted(result.watched),
        str(len(result.again)),
        found,
    )
    return f"| {' | '.join(cells)} |"


def is_explained(result: Result, again: Again) -> bool:
    """By an explanation, or by repeated runs in which it failed no more often watched than natively."""
    return explanation(result.name, again.test) is not None or (
        again.runs > 0 and again.watched_failed <= again.native_failed
    )


def differing(result: Result) -> list[str]:
    lines = []
    for again in result.again:
        reason = explanation(result.name, again.test)
        mark = reason or ("by itself" if is_explained(result, again) else "NOT EXPLAINED")
        further = (
            f"{again.native_failed} of {again.runs} failed natively, {again.watched_failed} watched"
            if again.runs
            else "not run again"
        )
        lines.append(f"    {again.test}: {again.native} natively, {again.watched} watched; again: {further}; {mark}")
    return lines
