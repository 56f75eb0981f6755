"""The options of `scripts/bench`, and the order of its steps."""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import shlex
import signal
import sys
import time
from pathlib import Path

from bench import building, machine, plot, table
from bench.columns import NATIVE, Column, columns
from bench.process import Failed
from bench.results import Result
from bench.rounds import Rounds
from bench.rows import ROWS

DONE, TARGET_MISSED, WRONG = 0, 1, 2
EXAMPLES = """\
Select rows and columns with patterns that match part of their names, or whole names with * in them; --list prints all
names. By default, JSON and SVG go to target/bench.json and target/bench.svg.

  scripts/bench                                    everything, in less than ten minutes
  scripts/bench 15 --rows 'lock +' --columns forkwatch,pass-through
  scripts/bench --library old.so --json old.json   another library than this project's
  scripts/bench --targets                          exits with 1 if a target is missed
"""


def parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures what forkwatch costs, in pairs with the same program run bare, and beside other tools.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    it.add_argument("rounds", nargs="?", type=positive, default=7, metavar="ROUNDS", help="pairs for each cell (7)")
    it.add_argument("--rows", metavar="PATTERN[;...]", default="", help="only these rows")
    it.add_argument("--columns", metavar="PATTERN[,...]", default="", help="only these columns")
    it.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures of all pairs")
    it.add_argument("--svg", type=Path, metavar="FILE", help="where to write the picture")
    it.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    it.add_argument("--targets", action="store_true", help=f"exit with {TARGET_MISSED} if a target is missed")
    it.add_argument(
        "--library", type=Path, metavar="FILE", help="the libforkwatch.so to measure; it is built if not given"
    )
    it.add_argument("--list", action="store_true", help="only list rows and columns")
    return it


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def chosen(name: str, patterns: list[str]) -> bool:
    return not patterns or any(fnmatch.fnmatchcase(name, it if "*" in it else f"*{it}*") for it in patterns)


def split(text: str, separator: str) -> list[str]:
    return [pattern.strip() for pattern in text.split(separator) if pattern.strip()]


def main() -> int:
    options = parser().parse_args()
    # Its `finally` ends what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return measure(options)
    except Failed as error:
        print(f"scripts/bench: {error}", file=sys.stderr)
        return WRONG


def measure(options: argparse.Namespace) -> int:
    rows = [row for row in ROWS if chosen(row.name, split(options.rows, ";"))]
    patterns = split(options.columns, ",")
    if options.list:
        library, floor = Path("libforkwatch.so"), Path("passthrough.so")
    else:
        library = (options.library or building.forkwatch()).resolve()
        if not library.is_file():
            raise Failed(f"{library} does not exist")
        floor = building.pass_through(library)
    picked = [column for column in columns(library, floor) if chosen(column.name, patterns)]
    if not rows or not picked:
        raise Failed(f"no {'column' if rows else 'row'} of that name; --list prints all of them")
    if options.list:
        print("\n".join(["rows:", *(f"  {row.name}" for row in rows), "columns:", *(f"  {it.name}" for it in picked)]))
        return DONE

    where, begin = machine.described(), time.monotonic()
    results = Rounds(rows, picked, progress).run(options.rounds)
    seconds = time.monotonic() - begin
    where["load_after"] = round(os.getloadavg()[0], 2)
    caption = f"{where['kernel']}, {where['processors']} processors, {where['libc']}"
    whole = {"schema": "forkwatch-bench/1", "command": shlex.join(["scripts/bench", *sys.argv[1:]]), "machine": where}
    whole.update(rounds=options.rounds, seconds=round(seconds, 1), columns=[as_json(it) for it in (NATIVE, *picked)])
    whole["rows"] = [result.as_json() for result in results]
    write(options, whole, results, picked, caption)
    show(
        options,
        results,
        picked,
        f"{caption}; load {where['load']} before and {where['load_after']} after; {seconds:.0f} s",
    )
    missed = any(result.met() is False for result in results)
    return TARGET_MISSED if options.targets and missed else DONE


def progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def as_json(column: Column) -> dict:
    return {"name": column.name, "meaning": column.meaning, "skipped": column.reason_to_skip()}


def write(options: argparse.Namespace, whole: dict, results: list[Result], picked: list[Column], caption: str) -> None:
    building.TARGET.mkdir(parents=True, exist_ok=True)
    path = options.json or building.TARGET / "bench.json"
    path.write_text(json.dumps(whole, indent=1) + "\n")
    plot.write(options.svg or building.TARGET / "bench.svg", results, picked, caption)


def show(options: argparse.Namespace, results: list[Result], picked: list[Column], where: str) -> None:
    lines = table.lines(results, picked, options.rounds)
    bullet = "* " if options.markdown else ""
    print(table.as_markdown(lines) if options.markdown else table.as_text(lines))
    print()
    for note in [*table.notes(results, picked, options.rounds), where, table.tally(results)]:
        print(f"{bullet}{note}")
