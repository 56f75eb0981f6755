"""The paths of the command and the library in this package.

Modules are imported only when needed: programs that only want the spawn check load the package too.
"""

import os
from typing import Iterator

LIBRARY_NAME = "libforkwatch.so"
_COMMAND_NAME = "forkwatch"


class CommandMissing(RuntimeError):
    """The command is not where the installer put it, or it could not name the library."""


def command_path() -> str:
    """The command `forkwatch` of this installation."""
    for path in _candidates():
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise CommandMissing("forkwatch: the command is not installed with this package; reinstall the package")


def library_path() -> str:
    """A path to the library that `LD_PRELOAD` can hold; it stays valid for this user and version.

    The command contains the library and writes it to a folder where that is allowed and safe: `LD_PRELOAD` cannot hold
    a path with a space or a colon, and a folder mounted noexec does not work.
    """
    import subprocess

    # Otherwise the output would include what is already preloaded.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = subprocess.run([command_path(), "env"], env=environment, capture_output=True, check=False)
    for line in done.stdout.splitlines():
        start, quote, rest = line.partition(b"'")
        if start == b"export LD_PRELOAD=" and quote and rest.endswith(b"'"):
            return os.fsdecode(rest[:-1].replace(b"'\\''", b"'"))
    said = done.stderr.decode(errors="replace").strip()
    raise CommandMissing(said or f"forkwatch: the command returned no library path (status {done.returncode})")


def _candidates() -> Iterator[str]:
    """Every place where an installer may have put the command, the most certain first."""
    from importlib import metadata

    try:
        for file in metadata.distribution("forkwatch").files or ():
            if file.name == _COMMAND_NAME and file.parent.name in ("bin", "Scripts"):
                yield os.path.normpath(str(file.locate()))
    except metadata.PackageNotFoundError:
        pass
    import sysconfig

    yield os.path.join(sysconfig.get_path("scripts"), _COMMAND_NAME)
    scheme = "posix_user"
    if scheme in sysconfig.get_scheme_names():
        yield os.path.join(sysconfig.get_path("scripts", scheme), _COMMAND_NAME)
