"""The options of `scripts/try-programs`, and the order of its steps."""

from __future__ import annotations

import argparse
import functools
import itertools
import os
from pathlib import Path

from reliability import compare, results, table
from reliability.outcomes import BAD, counted
from reliability.process import Failed, forget_surroundings
from reliability.programs.rows import PROGRAMS, chosen

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
HOME = TARGET / "programs"


def options():
    parser = argparse.ArgumentParser(
        prog="scripts/try-programs",
        description="Runs other people's programs and their tests natively and watched, and compares test by test. "
        "A test with a different result is run five more times each way. Exits with 1 if a difference is unexplained.",
    )
    parser.add_argument("--list", action="store_true", help="print the names of all programs")
    parser.add_argument(
        "--library", type=Path, default=TARGET / "release" / "libforkwatch.so", help="the library to try"
    )
    parser.add_argument("--reuse", action="store_true", help="reuse the last native run")
    parser.add_argument("--native", action="store_true", help="run only natively, for a later --reuse")
    parser.add_argument("--failures", action="store_true", help="run natively only what fails watched; end with counts")
    parser.add_argument("--table", action="store_true", help="run nothing; print the results of the last runs")
    parser.add_argument("names", nargs="*", metavar="NAME", help="cpython-3.9, cpython, cpython-3.9/test_os (all)")
    return parser.parse_args()


def main():
    arguments = options()
    if arguments.list:
        print(*(program.name for program in PROGRAMS), sep="\n")
        return 0
    forget_surroundings()
    programs = chosen(arguments.names)
    if arguments.failures:
        return try_failures(programs, arguments.library.resolve())
    print(table.HEAD, flush=True)
    kept = list(filter(None, map(kept_results if arguments.table else functools.partial(try_one, arguments), programs)))
    if arguments.table:
        show_merged(kept)
    return 0 if all(table.is_explained(result, again) for result in kept for again in result.again) else 1


def kept_results(program):
    """The results of the last run, unless it was only native."""
    kept = results.load(HOME / program.name)
    return kept if kept and kept.watched else None


def try_one(arguments, program):
    """Runs one program both ways and shows the results."""
    library = arguments.library.resolve()
    try:
        result = compare.compare(
            program, HOME / program.name, library, reuse=arguments.reuse, native_only=arguments.native
        )
    except Failed as reason:
        print(f"| {program.name} | not run: {reason} |", flush=True)
        return None
    print(table.line(result), *table.differing(result), sep="\n", flush=True)
    return result


def show_merged(kept):
    """One line for all parts of a program, then the tests with different results."""
    rows = itertools.groupby(kept, lambda result: result.name.partition("/")[0])
    whole = [results.merged(list(parts)) for _name, parts in rows]
    print(*map(table.line, whole), sep="\n")
    for result in whole:
        if result.again:
            print("", result.name, *table.differing(result), sep="\n")


def try_failures(programs, library):
    """Like this project's own tests: ends with the counts, in which tests with different results have failed."""
    passed = failed = skipped = 0
    for program in programs:
        try:
            result = compare.compare_failures(program, HOME / "failures" / program.name, library)
        except Failed as reason:
            print(f"skipped: {program.name}: {reason}")
            skipped += 1
            continue
        bad = [again for again in result.again if not table.is_explained(result, again)]
        print(f"{program.name} {result.version} watched: {counted(result.watched)}", *table.differing(result), sep="\n")
        failed += len(bad)
        skipped += sum(end == "skipped" for end in result.watched.values())
        passed += sum(end not in BAD | {"skipped"} for end in result.watched.values())
    print(f"programs: {passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 0 if failed == 0 and passed > 0 else 1
