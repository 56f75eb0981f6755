"""forkwatch names every unsafe fork in a program: which threads were alive, which locks they held, where.

    >>> import forkwatch
    >>> forkwatch.library_path()  # for LD_PRELOAD
    >>> forkwatch.command_path()  # the command `forkwatch`

`python -m forkwatch` is the command, `pytest --forkwatch` watches tests, `python -m forkwatch.spawncheck` looks
ahead to `spawn`.

The spawn check may import the package before pytest does, which would warn of it; there is no assertion here to
rewrite: PYTEST_DONT_REWRITE.
"""

from forkwatch.command import CommandMissing, command_path, library_path

__all__ = ["CommandMissing", "command_path", "library_path"]
