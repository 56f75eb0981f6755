"""forkwatch names every unsafe fork in a program: which threads were alive, which locks they held, and where.

    >>> import forkwatch
    >>> forkwatch.library_path()  # for LD_PRELOAD
    >>> forkwatch.command_path()  # the command `forkwatch`
    >>> forkwatch.settle()  # holds forks back until they are safe

`python -m forkwatch` is the command, `pytest --forkwatch` watches tests, and `python -m forkwatch.spawncheck` checks
whether a program would survive `spawn`.

The spawn check may import the package before pytest does, and pytest would warn about that; no assertion here needs
rewriting: PYTEST_DONT_REWRITE.
"""

from forkwatch.command import CommandMissing, command_path, library_path
from forkwatch.settle import settle

__all__ = ["CommandMissing", "command_path", "library_path", "settle"]
