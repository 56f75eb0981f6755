"""PyPI packages, whose tests pytest runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from reliability.outcomes import from_junit
from reliability.packages import Suite, prepare
from reliability.process import LONGEST_SECONDS, Failed, run
from reliability.programs import Program
from reliability.pythons import interpreter
from reliability.way import Way

PYTHON = "3.11"
LONGEST_TEST = 60


@dataclass(frozen=True)
class Package(Program):
    """`suite.words` leave out tests that need a network, or that hang on a plain machine."""

    suite: Suite

    @property
    def name(self) -> str:
        return f"pypi-{self.suite.name}"

    def prepare(self, folder: Path) -> str:
        python = interpreter(PYTHON)
        if python is None:
            raise Failed(f"there is no Python {PYTHON}")
        prepare(self.suite, python, folder / "package")
        return self.suite.version

    def run(self, way: Way, folder: Path, only: tuple[str, ...] = ()) -> dict[str, str]:
        bin_folder = folder / "package" / "environment" / "bin"
        source = next((folder / "package" / "source").iterdir())
        results = folder / f"{way.name}{'-again' if only else ''}.xml"
        results.unlink(missing_ok=True)
        # pytest finds a test by its function only.
        functions = dict.fromkeys(name.partition("[")[0].rpartition("::")[2] for name in only)
        words = [*self.suite.words, *(["-k", " or ".join(functions)] if only else [])]
        given = ["-q", "-rfE", "-p", "no:cacheprovider", f"--timeout={LONGEST_TEST}", f"--junitxml={results}"]
        variables = {**way.variables(), "PATH": f"{bin_folder}:{os.environ['PATH']}"}
        log = folder / f"{way.name}{'-again' if only else ''}.log"
        run([bin_folder / "pytest", *given, *words], log, LONGEST_SECONDS, variables, cwd=source)
        return from_junit(results)


ROWS = tuple(
    Package(suite)
    for suite in (
        # As modules by path: next to the tests are the sources, which are not compiled.
        Suite(
            "psutil",
            "7.2.2",
            ["setuptools", "pytest-instafail"],
            ["-c", "/dev/null", "--rootdir=.", "--import-mode=importlib", "--ignore=tests/test_memleaks.py", "tests"],
        ),
        # The tests of its tools need half a dozen checkers.
        Suite(
            "trio",
            "0.35.0",
            ["trustme", "pyopenssl", "cryptography"],
            ["--continue-on-collection-errors", "--pyargs", "trio"],
        ),
        Suite(
            "urllib3",
            "2.8.0",
            ["trustme", "pysocks", "quart", "quart-trio", "httpx", "trio"],
            [
                "test",
                # Proxies over TLS: they also fail without forkwatch, and leave threads behind that never end.
                "--ignore=test/with_dummyserver/test_proxy_poolmanager.py",
                # Needs a host that answers nothing. Where there is none, its threads may wait for each other forever.
                "-k",
                "not test_http2_probe_blocked_per_thread",
            ],
        ),
        Suite("requests", "2.34.2", ["pytest-httpbin", "pytest-mock", "trustme", "pysocks"], ["tests"]),
        # Its own runner mutes a log that half of its tests expect to be silent: they fail both ways.
        Suite("tornado", "6.6.1", ["pycurl"], ["-p", "no:logging", "--pyargs", "tornado.test"]),
        Suite("loky", "3.7.0", ["psutil", "cloudpickle"], ["tests/test_synchronize.py", "tests/test_loky_backend.py"]),
        Suite("uvloop", "0.23.0", ["aiohttp", "pyOpenSSL", "psutil"], ["--import-mode=importlib", "tests"]),
        Suite(
            "celery",
            "5.7.0",
            ["pytest-celery", "pytest-subtests", "pytest-click", "cryptography", "pydantic"],
            [
                "--continue-on-collection-errors",
                *(f"t/unit/{part}" for part in ("app", "concurrency", "worker", "utils")),
            ],
        ),
        # Its schedulers of threads and processes; all of its tests take an hour. The workers of a pool import pandas.
        Suite(
            "dask",
            "2026.8.0",
            ["numpy", "pandas", "pytest-cov", "pytest-rerunfailures"],
            [
                "--timeout=300",
                "--pyargs",
                *(f"dask.tests.test_{part}" for part in ("threaded", "local", "system", "cache", "multiprocessing")),
            ],
        ),
    )
)
