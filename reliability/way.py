"""The two ways to run every program."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

# Records that are not findings.
BOOKKEEPING = {"summary", "fork_outcome"}


@dataclass(frozen=True)
class Way:
    """Native, or with the library preloaded into it and everything it starts."""

    name: str
    library: Path | None = None
    records: Path | None = None

    def variables(self) -> dict[str, str]:
        if self.library is None:
            return {}
        # The report stays off: tests that compare standard error would see it.
        log = f"{self.records}/%e.%p.jsonl"
        return {"LD_PRELOAD": str(self.library), "FORKWATCH_LOG": log, "FORKWATCH_TEXT": "off"}

    def begin(self) -> None:
        """Empties the directory for its records, which is writable for all because servers change their user."""
        if self.records is not None:
            shutil.rmtree(self.records, ignore_errors=True)
            self.records.mkdir(parents=True)
            self.records.chmod(0o1777)

    def findings(self) -> dict[str, int]:
        """How many records there are of each severity and kind."""
        counts: dict[str, int] = {}
        for file in sorted(self.records.glob("*.jsonl")) if self.records else ():
            for line in file.read_text(errors="replace").splitlines():
                record = json.loads(line)
                if record["kind"] not in BOOKKEEPING:
                    name = f"{record['severity']} {record['kind']}"
                    counts[name] = counts.get(name, 0) + 1
        return counts


NATIVE = Way("native")
