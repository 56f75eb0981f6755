"""All programs."""

from __future__ import annotations

from reliability.programs import Program, boost, cpython, libstdcxx, pypi, rust
from reliability.programs.loads import rows as loads

PROGRAMS: tuple[Program, ...] = (*cpython.ROWS, *pypi.ROWS, *rust.ROWS, *libstdcxx.ROWS, *boost.ROWS, *loads.ROWS)


def chosen(words: list[str]) -> list[Program]:
    """The programs selected by these words, such as `cpython`, `cpython-3.9`, `cpython-3.9/test_os` and `/test_os`."""
    if not words:
        return list(PROGRAMS)
    found = []
    for word in words:
        matching = [program for program in PROGRAMS if fits(word, program.name)]
        if not matching:
            raise SystemExit(f"there is no program {word}; --list prints their names")
        found += matching
    return found


def fits(word: str, name: str) -> bool:
    if word.startswith("/"):
        return name.endswith(word)
    return name == word or name.startswith((f"{word}-", f"{word}/"))
