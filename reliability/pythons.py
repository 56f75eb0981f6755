"""The installed CPython versions."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

VERSIONS = ("3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13")


def interpreter(version):
    """pyenv's newest of this minor version, or the one on `PATH`; `None` if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [folder / "bin" / "python" for folder in sorted(pyenv.glob(f"{version}.*"))]
    if found:
        return found[-1]
    path = shutil.which(f"python{version}")
    return Path(path) if path else None
