"""The programs, one row or file each. `Program` is their interface; `rows` lists them."""

from __future__ import annotations

from pathlib import Path

from reliability.way import Way


class Program:
    """Something with tests, which run natively and watched and are compared by name."""

    # Its name for `scripts/try-programs`. Programs with the same name before a `/` are parts of one row of the table.
    name: str

    def prepare(self, folder: Path) -> str:
        """Prepares a run below `folder` and returns the version. Raises `Failed`."""
        raise NotImplementedError

    def run(self, way: Way, folder: Path, only: tuple[str, ...] = ()) -> dict[str, str]:
        """The result of each test, or of each in `only`; others may be included."""
        raise NotImplementedError
