"""The stored results of a program, as JSON in its directory."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

FILE = "result.json"


@dataclass
class Again:
    """A test with a different result, and how often it failed in the repeated runs each way."""

    test: str
    native: str
    watched: str
    runs: int = 0
    native_failed: int = 0
    watched_failed: int = 0


@dataclass
class Result:
    """Both runs of one program."""

    name: str
    version: str
    native: dict[str, str] = field(default_factory=dict)
    watched: dict[str, str] = field(default_factory=dict)
    native_seconds: float = 0.0
    watched_seconds: float = 0.0
    findings: dict[str, int] = field(default_factory=dict)
    again: list[Again] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1))


def load(folder: Path) -> Result | None:
    """The results of the last run; `None` if there was none."""
    file = folder / FILE
    if not file.exists():
        return None
    kept = json.loads(file.read_text())
    return Result(**{**kept, "again": [Again(**again) for again in kept["again"]]})


def merged(parts: list[Result]) -> Result:
    """The parts of one program as one."""
    whole = Result(parts[0].name.partition("/")[0], parts[0].version)
    for part in parts:
        whole.native.update(part.native)
        whole.watched.update(part.watched)
        whole.native_seconds += part.native_seconds
        whole.watched_seconds += part.watched_seconds
        whole.again += part.again
        for name, count in part.findings.items():
            whole.findings[name] = whole.findings.get(name, 0) + count
    return whole
