"""The tests of Boost.Thread, from its repository. Debian packages the library."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from reliability.process import Failed, must
from reliability.programs.compiled import Compiled, compile_if_possible

PACKAGES = "libboost-thread-dev and libboost-test-dev"
HEADERS = Path("/usr/include/boost")
VERSION = re.compile(r"^#define BOOST_VERSION (\d+)$", re.MULTILINE)
REPOSITORY = "https://github.com/boostorg/thread"
# Those that start threads; the others only look at types.
TESTS = ("sync/conditions/**/*_pass.cpp", "threads/**/*_pass.cpp", "test_*.cpp")
LIBRARIES = ("-lboost_unit_test_framework", "-lboost_thread", "-lboost_chrono", "-lboost_system")


@dataclass(frozen=True)
class Boost(Compiled):
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


def build(file: Path, target: Path) -> None:
    """Compiles one; a test that needs more than the packages is left out."""
    options = ["-std=gnu++14", "-O1", "-g", "-w", "-pthread", "-DBOOST_TEST_DYN_LINK"]
    options += ["-DBOOST_THREAD_THROW_IF_PRECONDITION_NOT_SATISFIED"]
    compile_if_possible(["g++", *options, str(file), *LIBRARIES], target)


ROWS = (Boost(),)
