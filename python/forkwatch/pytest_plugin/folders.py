"""The folder of a run, for its log and its rules; one that a run could not remove itself is removed by a later one."""

import os
import re
import shutil
import tempfile

_PREFIX = "forkwatch-pytest-"
_NAME = re.compile(re.escape(_PREFIX) + r"(\d+)-")


def new() -> str:
    """Makes the folder of this process, after removing those of processes that are gone."""
    base = tempfile.gettempdir()
    if ":" in base:
        # FORKWATCH_SUPPRESS would take the colon for the end of a path.
        base = "/tmp"
    try:
        names = os.listdir(base)
    except OSError:
        names = []
    for name in names:
        match = _NAME.match(name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            remove(os.path.join(base, name))
    return tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=base)


def remove(folder: str) -> None:
    """Removes a folder of ours; leaves what belongs to others, and what only looks like one."""
    try:
        if _NAME.match(os.path.basename(folder)) and os.lstat(folder).st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return
