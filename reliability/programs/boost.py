"""The tests of Boost.Thread, from its repository: programs that exit with 0 on success. Debian packages the library."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from reliability.outcomes import FAILED, HUNG, PASSED
from reliability.process import TIMEOUT, Failed, must, run
from reliability.programs import Program
from reliability.way import Way

PACKAGES = "libboost-thread-dev and libboost-test-dev"
HEADERS = Path("/usr/include/boost")
VERSION = re.compile(r"^#define BOOST_VERSION (\d+)$", re.MULTILINE)
REPOSITORY = "https://github.com/boostorg/thread"
# Those that start threads; the others only look at types.
TESTS = ("sync/conditions/**/*_pass.cpp", "threads/**/*_pass.cpp", "test_*.cpp")
LIBRARIES = ("-lboost_unit_test_framework", "-lboost_thread", "-lboost_chrono", "-lboost_system")
LONGEST_TEST = 60
# Thread timing varies: each program is run this often, and each run must succeed.
TIMES = 3


@dataclass(frozen=True)
class Boost(Program):
    """Those that can be built with Debian's packages."""

    name: str = "boost-thread"

    def prepare(self, folder: Path) -> str:
        if not all((HEADERS / part).exists() for part in ("thread.hpp", "test/unit_test.hpp")):
            raise Failed(f"{PACKAGES} are not installed")
        number = int(VERSION.search((HEADERS / "version.hpp").read_text())[1])
        version = f"{number // 100_000}.{number // 100 % 1_000}.{number % 100}"
        source = folder / "source"
        if not source.exists():
            clone = ["git", "clone", "--quiet", "--depth=1", f"--branch=boost-{version}", REPOSITORY, str(source)]
            must(clone, folder / "prepare.log")
        built = folder / "built"
        built.mkdir(exist_ok=True)
        tests = source / "test"
        for file in sorted(file for pattern in TESTS for file in tests.glob(pattern)):
            target = built / "-".join(file.relative_to(tests).with_suffix("").parts)
            if not target.exists():
                build(file, target)
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


def build(file: Path, target: Path) -> None:
    """Compiles one; a test that needs more than the packages is left out."""
    options = ["-std=gnu++14", "-O1", "-g", "-w", "-pthread", "-DBOOST_TEST_DYN_LINK"]
    options += ["-DBOOST_THREAD_THROW_IF_PRECONDITION_NOT_SATISFIED"]
    command = ["g++", *options, str(file), "-o", f"{target}.new", *LIBRARIES]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=target.parent)
    if Path(f"{target}.new").exists():
        os.replace(f"{target}.new", target)


ROWS = (Boost(),)
