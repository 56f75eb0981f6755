"""What the command line and the ini file ask for."""

import difflib
import os
from typing import Any, List, NamedTuple, Optional

import pytest

# As in FORKWATCH_STRICT; `true` watches and stops nothing.
_WORDS = ("true", "threads", "locks", "child", "false")


class Settings(NamedTuple):
    """How to watch."""

    # The value of FORKWATCH_STRICT.
    strict: str
    # Paths of suppression files.
    suppress: List[str]


def read(config: Any) -> Optional[Settings]:
    """The settings; `None` where watching is off. The command line wins."""
    # In pyproject.toml it may be a truth value, which pytest passes on as `True`.
    word = config.known_args_namespace.forkwatch or config.getini("forkwatch").lower() or "false"
    if word not in _WORDS:
        nearest = (difflib.get_close_matches(word, _WORDS, 1, 0) or _WORDS)[0]
        raise pytest.UsageError(f"forkwatch = {word}: invalid value; the nearest valid value is {nearest}")
    if word == "false":
        return None
    return Settings("off" if word == "true" else word, [_existing(config, name) for name in _names(config)])


def _names(config: Any) -> List[str]:
    return [name for line in config.getini("forkwatch_suppress") for name in line.split()]


def _existing(config: Any, name: str) -> str:
    """A missing suppression file would suppress nothing, and nobody would know why."""
    ini = getattr(config, "inipath", None) or getattr(config, "inifile", None)
    folder = os.path.dirname(str(ini)) if ini else os.getcwd()
    path = os.path.join(folder, name)
    if not os.path.isfile(path):
        raise pytest.UsageError(f"forkwatch_suppress: there is no file {path}")
    if ":" in path:
        raise pytest.UsageError(
            f"forkwatch_suppress: {path} contains a colon, which separates paths in FORKWATCH_SUPPRESS; rename it"
        )
    return path
