"""`python -m forkwatch ARGUMENTS`: the command, as the same process.

It adds one thing: `run app.py` starts the script with this interpreter, so that it finds the packages installed
here. The command knows which word is the program.
"""

import os
import sys
from typing import List

from forkwatch.command import CommandMissing, command_path

_CANNOT_RUN = 125


def with_interpreter(words: List[str]) -> List[str]:
    """The arguments for the command, which puts the interpreter before a script that `run` starts."""
    if words[:1] != ["run"] or not sys.executable:
        return words
    return ["run", "--interpreter", sys.executable, *words[1:]]


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
