"""Numbers, names and sentences."""

import re
import textwrap
from typing import Any, List, Sequence

_WIDTH = 100
# Names in a list before the rest is only counted.
_MOST_NAMED = 8


def quoted(name: Any) -> str:
    """A name in quotes, and nothing where there is none."""
    return f'"{name}"' if name else "without a name"


def count(number: int, one: str) -> str:
    """`1 thread`, `2 threads`"""
    return f"{number} {one}{'' if number == 1 else 's'}"


def cut(names: Sequence[str]) -> str:
    """A list of names, and how many more there are."""
    left = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {left} more" if left > 0 else "")


def joined(parts: List[str]) -> str:
    """`a, b and c`"""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def sentences(text: str) -> List[str]:
    """A paragraph in lines."""
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def without_fraction(time: str) -> str:
    """A time to the second."""
    return re.sub(r"\.\d+Z$", "Z", time)
