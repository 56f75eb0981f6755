"""Reads the records that the library appends to a log: one JSON object per line (`forkwatch/1`)."""

import json
import os
from typing import Any, Dict, Iterator, NamedTuple

SEVERE = ("ERROR", "FATAL")


class Entry(NamedTuple):
    """A record and its offset in the log, which identifies it in all processes of a run."""

    place: int
    record: Dict[str, Any]

    @property
    def severity(self) -> str:
        return str(self.record.get("severity"))

    @property
    def is_severe(self) -> bool:
        """Whether it fails a test."""
        return self.severity in SEVERE

    @property
    def is_finding(self) -> bool:
        """Whether it reports a fault; the others are bookkeeping."""
        return self.severity != "INFO"

    @property
    def context(self) -> str:
        return str(self.record.get("context") or "")

    @property
    def fingerprint(self) -> str:
        return str(self.record.get("fingerprint"))

    @property
    def message(self) -> str:
        return str(self.record.get("message"))

    @property
    def title(self) -> str:
        """`ERROR unsafe_fork: fork() in thread ...`"""
        return f"{self.severity} {self.record.get('kind')}: {self.message}"


def size(path: str) -> int:
    """Where the next record will begin."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def entries(path: str, start: int = 0) -> Iterator[Entry]:
    """The complete records from an offset on.

    Each is written by one call, but may be read in the middle of it: an incomplete last line is left for later. Lines
    that are not records are skipped.
    """
    if not os.path.isfile(path):
        return
    with open(path, "rb") as file:
        file.seek(start)
        place = start
        for line in file:
            if not line.endswith(b"\n"):
                return
            try:
                record = json.loads(line.decode("utf-8", "replace"))
            except ValueError:
                record = None
            if isinstance(record, dict) and str(record.get("schema", "")).startswith("forkwatch/"):
                yield Entry(place, record)
            place += len(line)
