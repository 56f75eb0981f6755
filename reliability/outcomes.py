"""The results of tests by name, and the parsers for the runners' output."""

from __future__ import annotations

import collections
from xml.etree import ElementTree

PASSED = "passed"
FAILED = "failed"
SKIPPED = "skipped"
# It was started, but the process ended first.
DIED = "died"
HUNG = "hung"
NOT_RUN = "not run"
BAD = {FAILED, DIED, HUNG, "error", "failure"}


def from_junit(file):
    """From pytest's XML: `passed`, `skipped`, `failure` or `error`."""
    if not file.exists():
        return {}
    found = {}
    for case in ElementTree.parse(file).getroot().iter("testcase"):
        parts = {child.tag for child in case}
        end = next((part for part in ("error", "failure", "skipped") if part in parts), PASSED)
        name = f"{case.get('classname')}::{case.get('name')}"
        # A test that fails, and whose fixture also fails, is in the file twice.
        found[name] = end if found.get(name) in (None, PASSED, SKIPPED) else found[name]
    return found


def counted(ends):
    """`passed / failed / skipped`."""
    counts = collections.Counter("bad" if end in BAD else end for end in ends.values())
    return f"{counts[PASSED]} / {counts['bad']} / {counts[SKIPPED]}"


def differences(native, watched):
    """Each test with a different result: its name and both results."""
    return [
        (name, native.get(name, NOT_RUN), watched.get(name, NOT_RUN))
        for name in sorted(native.keys() | watched.keys())
        if native.get(name) != watched.get(name)
    ]
