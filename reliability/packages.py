"""PyPI packages with their tests: each as source in its own directory, next to an environment."""

from __future__ import annotations

import shutil
import tarfile
from typing import NamedTuple

from reliability.process import must


class Suite(NamedTuple):
    """A package's tests: what else to install, and the arguments for pytest."""

    name: str
    version: str
    needs: list[str] = []
    words: list[str] = []


def prepare(suite, python, folder):
    """The package's directory with its tests, and its environment's directory of programs."""
    bin_folder, log = folder / "environment" / "bin", folder / "prepare.log"
    stamp = folder / "stamp"
    wanted = repr((suite.version, suite.needs, str(python)))
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        must([python, "-m", "venv", folder / "environment"], log)
        install = pip(bin_folder)
        source = ["--no-deps", "--no-binary", ":all:", f"{suite.name}=={suite.version}"]
        must([*install, "download", "-d", folder, *source], log)
        with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
            archive.extractall(folder / "source")
        needs = ["pytest", "pytest-xdist", "pytest-timeout", *suite.needs]
        must([*install, "install", *dict.fromkeys(need for need in needs if need != suite.name)], log)
        must([*install, "install", f"{suite.name}=={suite.version}"], log)
        stamp.write_text(wanted)
    return next((folder / "source").iterdir()), bin_folder


def pip(bin_folder):
    return [bin_folder / "python", "-m", "pip", "--disable-pip-version-check"]
