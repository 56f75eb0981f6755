"""`python -m forkwatch.spawncheck script.py [ARGUMENTS]`, also `-m module` and `-c code`: runs it with the check on."""

import os
import runpy
import subprocess
import sys
from typing import Any, List, cast

from forkwatch.spawncheck import start

_USAGE = "usage: python -m forkwatch.spawncheck (script.py | -m module | -c code) [ARGUMENTS]"


def _starts_by_itself() -> bool:
    """Whether a new interpreter would read the line that starts the check, a file next to the installed package."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    line = os.path.join(os.path.dirname(package), "forkwatch_spawncheck.pth")
    return os.path.isfile(line) and not sys.flags.no_site


def _interpreter_options() -> List[str]:
    """The options of this interpreter, as multiprocessing itself passes them on."""
    try:
        return list(cast(Any, subprocess)._args_from_interpreter_flags())
    except Exception:
        return []


def main() -> int:
    """Becomes the interpreter that runs the script."""
    words = sys.argv[1:]
    if not words or words[0] in ("-h", "--help"):
        print(_USAGE, file=sys.stderr)
        return 0 if words else 2
    os.environ[start.VARIABLE] = "1"
    if _starts_by_itself():
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *_interpreter_options(), *words])
    # In a source folder, the check runs in this process.
    if words[0].startswith("-"):
        print("forkwatch: spawn check: only a script can be run before the package is installed", file=sys.stderr)
        return 2
    os.register_at_fork(before=start._before_fork)
    sys.argv = words
    sys.path[0] = os.path.dirname(os.path.abspath(words[0]))
    runpy.run_path(words[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main())
