"""The programs, a row or a file each. `Program` is what each of them offers; `rows` has them all."""

from __future__ import annotations

from pathlib import Path

from reliability.way import Way


class Program:
    """Something with tests, which are run natively and watched and compared by name."""

    # What `scripts/try-programs` knows it by. Those with one name before a `/` are parts of one row of the table.
    name: str

    def prepare(self, folder: Path) -> str:
        """Makes what a run needs, below `folder`, and gives the version. Raises `Failed`."""
        raise NotImplementedError

    def run(self, way: Way, folder: Path, only: tuple[str, ...] = ()) -> dict[str, str]:
        """How each test ended, or each of `only`; others may be in it too."""
        raise NotImplementedError
