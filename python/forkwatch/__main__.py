"""`python -m forkwatch ARGUMENTS`: the command, as the same process.

One thing is added: `run app.py` starts the script with this very interpreter, so that it finds the packages that are
installed here.
"""

import os
import sys
from typing import List, Optional

from forkwatch.command import CommandMissing, command_path

# Options of `forkwatch run` that take no word of their own; all others do.
_WITHOUT_VALUE = {"--strict", "--help", "-h"}
_CANNOT_RUN = 125


def with_interpreter(words: List[str]) -> List[str]:
    """The words for the command, the interpreter put before a script that `run` is to start."""
    place = _place_of_program(words)
    if place is None or not words[place].endswith(".py"):
        return words
    return [*words[:place], sys.executable, *words[place:]]


def _place_of_program(words: List[str]) -> Optional[int]:
    """Where in `run [OPTIONS] [--] PROGRAM` the program stands."""
    if words[:1] != ["run"]:
        return None
    place = 1
    while place < len(words):
        word = words[place]
        if word == "--":
            place += 1
            break
        if not word.startswith("-"):
            break
        place += 1 if word in _WITHOUT_VALUE or "=" in word else 2
    return place if place < len(words) else None


def main() -> int:
    """Becomes the command."""
    try:
        command = command_path()
        os.execv(command, ["forkwatch", *with_interpreter(sys.argv[1:])])
    except CommandMissing as missing:
        print(missing, file=sys.stderr)
    except OSError as error:
        print(f"forkwatch: {command} cannot be started: {error.strerror}", file=sys.stderr)
    return _CANNOT_RUN


if __name__ == "__main__":
    sys.exit(main())
