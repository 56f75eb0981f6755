"""The thread tests of GCC's C++ library, from Debian's `gcc-12-source`: programs that exit with 0 on success."""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from reliability.outcomes import FAILED, HUNG, PASSED
from reliability.process import TIMEOUT, Failed, output, run
from reliability.programs import Program
from reliability.way import Way

PACKAGE = "gcc-12-source"
TESTS = "libstdc++-v3/testsuite/30_threads/"
HELPERS = "libstdc++-v3/testsuite/util/testsuite"
LONGEST_TEST = 60
# Thread timing varies: each program is run this often, and each run must succeed.
TIMES = 3
RUNS = re.compile(r"\{ dg-do run\b")
OPTIONS = re.compile(r'dg-(?:additional-)?options "([^"]*)"')


@dataclass(frozen=True)
class LibStdCxx(Program):
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

    def run(self, way: Way, folder: Path, only: tuple[str, ...] = ()) -> dict[str, str]:
        log, ends = folder / f"{way.name}.log", {}
        for program in sorted((folder / "built").iterdir()):
            if only and program.name not in only:
                continue
            ends[program.name] = PASSED
            for _time in range(TIMES):
                status, _seconds = run([program], log, LONGEST_TEST, way.variables(), cwd=folder)
                if status != 0:
                    ends[program.name] = HUNG if status == TIMEOUT else FAILED
        return ends


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
    command += [str(file), "-o", f"{target}.new", "-latomic"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=target.parent)
    if Path(f"{target}.new").exists():
        os.replace(f"{target}.new", target)


ROWS = (LibStdCxx(),)
