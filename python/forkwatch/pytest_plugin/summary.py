"""The summary at the end of a run: the warnings, and the errors that no test has shown.

A warning is reported once for each line that causes it, with the tests that reached it.
"""

from typing import Any, Dict, Iterable, List, Set, Tuple

from forkwatch import text
from forkwatch.records import Entry

# Warnings that are shown, and tests that are named for each; the others are only counted.
_MAX_WARNINGS = 20
_MAX_TESTS = 3


class Summary:
    """The findings of a whole run."""

    def __init__(self, entries: Iterable[Entry], reported: Set[int]) -> None:
        # By kind and by the line that causes them.
        self.warnings: Dict[Tuple[str, str], List[Entry]] = {}
        # Severe findings that are in no report, by fingerprint.
        self.unreported: Dict[str, List[Entry]] = {}
        # Forks whose children became other programs, as `forkwatch report` lowers them.
        self.went_to_exec = 0
        found = list(entries)
        executed = {entry.record.get("fork_id") for entry in found if entry.record.get("outcome") == "exec"}
        for entry in found:
            if entry.is_severe and entry.place not in reported:
                self.unreported.setdefault(entry.fingerprint, []).append(entry)
            elif not entry.is_finding or entry.is_severe:
                continue
            elif "fork" in entry.record and entry.record.get("fork_id") in executed:
                self.went_to_exec += 1
            else:
                cause = text.place(entry.record) or entry.fingerprint
                self.warnings.setdefault((str(entry.record.get("kind")), cause), []).append(entry)

    def write(self, reporter: Any) -> None:
        """Writes to pytest's terminal."""
        if self.unreported:
            reporter.section("forkwatch: errors outside any test's report", red=True, bold=True)
            for group in self.unreported.values():
                reporter.write_line(text.report(group[0].record))
                reporter.write_line(f"{_times(group)}{_tests(group)}\n")
        if self.warnings or self.went_to_exec:
            reporter.section("forkwatch: warnings", yellow=True, bold=True)
            for group in list(self.warnings.values())[:_MAX_WARNINGS]:
                first = group[0]
                reporter.write_line(text.harmless(first.title))
                place = text.place(first.record)
                if place:
                    reporter.write_line(f"  at {place}")
                reporter.write_line(f"  {_times(group)}{_tests(group)}; {_fingerprints(group)}")
            left = len(self.warnings) - _MAX_WARNINGS
            if left > 0:
                reporter.write_line(f"... and {left} more")
            if self.went_to_exec:
                who = "fork whose child" if self.went_to_exec == 1 else "forks whose children"
                reporter.write_line(f"{self.went_to_exec} {who} went on to exec while threads were alive")


def _times(group: List[Entry]) -> str:
    return "once" if len(group) == 1 else f"{len(group)} times"


def _fingerprints(group: List[Entry]) -> str:
    prints = list(dict.fromkeys(entry.fingerprint for entry in group))
    return f"fingerprint {prints[0]}" + (f" and {len(prints) - 1} more" if len(prints) > 1 else "")


def _tests(group: List[Entry]) -> str:
    names = list(dict.fromkeys(entry.context for entry in group if entry.context))
    if not names:
        return ", outside any test"
    left = len(names) - _MAX_TESTS
    return text.harmless(f", in {', '.join(names[:_MAX_TESTS])}") + (f" and {left} more" if left > 0 else "")
