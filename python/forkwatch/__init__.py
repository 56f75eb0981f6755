"""forkwatch names every unsafe fork in a program: which threads were alive, which locks they held, where.

    >>> import forkwatch
    >>> forkwatch.library_path()  # for LD_PRELOAD
    >>> forkwatch.command_path()  # the command `forkwatch`

`python -m forkwatch` is the command, `pytest --forkwatch` watches tests, `python -m forkwatch.spawncheck` looks
ahead to `spawn`.
"""

from forkwatch.command import CommandMissing, command_path, library_path

__all__ = ["CommandMissing", "command_path", "library_path"]
