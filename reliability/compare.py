"""Both runs of a program, and the repeated runs of each test with a different result."""

from __future__ import annotations

import time
from pathlib import Path

from reliability import results
from reliability.outcomes import BAD, NOT_RUN, differences
from reliability.programs import Program
from reliability.results import Again, Result
from reliability.way import NATIVE, Way

# How often a test with a different result is run again each way, and how many tests are at most.
RUNS_AGAIN = 5
MAX_AGAIN = 25


def run_native(program: Program, folder: Path, version: str) -> Result:
    result = Result(program.name, version)
    result.native, result.native_seconds = timed(program, NATIVE, folder)
    return result


def run_watched(program: Program, folder: Path, result: Result, way: Way, only: tuple[str, ...] = ()) -> None:
    way.begin()
    result.watched, result.watched_seconds = timed(program, way, folder, only)
    result.findings = way.findings()


def run_again(program: Program, folder: Path, result: Result, way: Way) -> None:
    """Returns how often each test with a different result fails, alternating both ways."""
    differ = differences(result.native, result.watched)
    result.again = [Again(*difference) for difference in differ]
    # A test that was skipped once runs alone; one that never ran needs the others.
    chosen = result.again[:MAX_AGAIN]
    for _run in range(RUNS_AGAIN if chosen else 0):
        names = tuple(again.test for again in chosen)
        native, watched = (program.run(each, folder, names) for each in (NATIVE, way))
        for again in chosen:
            again.runs += 1
            again.native_failed += is_bad(native, again.test)
            again.watched_failed += is_bad(watched, again.test)


def is_bad(ends: dict[str, str], test: str) -> bool:
    return ends.get(test, NOT_RUN) in BAD | {NOT_RUN}


def timed(program: Program, way: Way, folder: Path, only: tuple[str, ...] = ()) -> tuple[dict[str, str], float]:
    begin = time.monotonic()
    ends = program.run(way, folder, only)
    return ends, time.monotonic() - begin


def compare(program: Program, folder: Path, library: Path, *, reuse: bool, native_only: bool) -> Result:
    """One program, both ways. `reuse` takes the stored native run of the same version."""
    folder.mkdir(parents=True, exist_ok=True)
    version = program.prepare(folder)
    result = results.load(folder) if reuse else None
    if result is None or result.version != version or not result.native:
        result = run_native(program, folder, version)
        result.save(folder)
    if not native_only:
        way = Way("watched", library, folder / "records")
        run_watched(program, folder, result, way)
        result.save(folder)
        run_again(program, folder, result, way)
        result.save(folder)
    return result


def compare_failures(program: Program, folder: Path, library: Path) -> Result:
    """One program watched, and natively only the tests that failed: enough to see whether forkwatch breaks anything."""
    folder.mkdir(parents=True, exist_ok=True)
    result = Result(program.name, program.prepare(folder))
    way = Way("watched", library, folder / "records")
    run_watched(program, folder, result, way)
    failed = tuple(name for name, end in result.watched.items() if end in BAD)
    ends = program.run(NATIVE, folder, failed) if failed else {}
    result.native = {**result.watched, **{name: ends.get(name, NOT_RUN) for name in failed}}
    run_again(program, folder, result, way)
    return result
