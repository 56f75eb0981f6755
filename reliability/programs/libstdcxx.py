"""The thread tests of GCC's C++ library, from Debian's `gcc-12-source`."""

from __future__ import annotations

import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

from reliability.process import Failed, output
from reliability.programs.compiled import Compiled, compile_if_possible

PACKAGE = "gcc-12-source"
TESTS = "libstdc++-v3/testsuite/30_threads/"
HELPERS = "libstdc++-v3/testsuite/util/testsuite"
RUNS = re.compile(r"\{ dg-do run\b")
OPTIONS = re.compile(r'dg-(?:additional-)?options "([^"]*)"')


@dataclass(frozen=True)
class LibStdCxx(Compiled):
    """Those that the testsuite runs; what it only compiles is left out."""

    name: str = "libstdc++-threads"

    def prepare(self, folder: Path) -> str:
        version = output(["dpkg-query", "--show", "--showformat=${Version}", PACKAGE])
        archives = list(Path("/usr/src/gcc-12").glob("gcc-12*.tar.xz"))
        if not archives:
            raise Failed(f"{PACKAGE} is not installed")
        source = folder / "source"
        if not source.exists():
            extract(archives[0], source)
        built = folder / "built"
        built.mkdir(exist_ok=True)
        for file in sorted(source.glob(f"{TESTS}**/*.cc")):
            words = file.read_text(errors="replace")
            target = built / "-".join(file.relative_to(source / TESTS).with_suffix("").parts)
            if RUNS.search(words) and not target.exists():
                build(file, words, source, target)
        return version


def extract(archive: Path, source: Path) -> None:
    """The tests and their headers, without the archive's top directory."""
    with tarfile.open(archive) as tar:
        for member in tar:
            path = member.name.partition("/")[2]
            if member.isfile() and path.startswith((TESTS, HELPERS)):
                file = source / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(tar.extractfile(member).read())


def build(file: Path, words: str, source: Path, target: Path) -> None:
    """Compiles one; tests that need more than the test suite's header files are left out."""
    options = " ".join(OPTIONS.findall(words)).split()
    hooks = source / f"{HELPERS}_hooks.cc"
    command = ["g++", "-std=gnu++17", "-O1", "-g", "-pthread", f"-I{hooks.parent}", *options]
    compile_if_possible([*command, str(file), "-latomic"], target)


ROWS = (LibStdCxx(),)
