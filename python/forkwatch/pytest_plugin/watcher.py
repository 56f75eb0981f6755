"""Gives the library the name of the running test as context, and each test the records that it caused.

The log is shared by all processes of the run: the controller, the workers, their children. A record belongs to the test
whose name was the context when it was written; children inherit it through their copy of the library or, after exec,
through the environment.
"""

import ctypes
import hashlib
import os
from typing import Any, Dict, Iterator, List, Optional, Set

import pytest
from _pytest._code import ExceptionInfo

from forkwatch import records, text
from forkwatch.pytest_plugin import folders, restart, settings, summary
from forkwatch.records import SEVERE, Entry

_PLUGIN_NAME = "forkwatch-watcher"
_CONTEXT_VARIABLE = "FORKWATCH_CONTEXT"
# The library keeps 1024 bytes of a context.
_LONGEST_CONTEXT = 1000


def register(config: Any) -> None:
    """Adds the watcher, if this pytest is watched."""
    choice = settings.read(config)
    run = restart.current_run()
    if choice is None or config.pluginmanager.hasplugin(_PLUGIN_NAME):
        return
    if run is None:
        if "PYTEST_XDIST_WORKER" not in os.environ:
            raise pytest.UsageError(
                "--forkwatch does not work with a plugin loaded by a conftest: install the package, or add "
                "`-p forkwatch.pytest_plugin`"
            )
        return
    set_context = getattr(ctypes.CDLL(None), "forkwatch_set_context", None)
    if set_context is None:
        raise pytest.UsageError(
            "the forkwatch library is not loaded although LD_PRELOAD names it; see the dynamic linker's message above"
        )
    set_context.argtypes = [ctypes.c_char_p]
    set_context.restype = None
    config.pluginmanager.register(Watcher(config, run, choice, set_context), _PLUGIN_NAME)


def context_of(name: str) -> str:
    """The context of a test: its name, or as much of a very long one as the library keeps."""
    clean = "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in name)
    encoded = clean.encode("utf-8", "backslashreplace")
    if len(encoded) <= _LONGEST_CONTEXT:
        return encoded.decode("utf-8")
    digest = hashlib.sha256(encoded).hexdigest()[:16]
    return encoded[: _LONGEST_CONTEXT - 20].decode("utf-8", "ignore") + "..." + digest


class Watcher:
    """The hooks of one watched pytest: the only one, or the controller's, or a worker's."""

    def __init__(self, config: Any, run: restart.Run, choice: settings.Settings, set_context: Any) -> None:
        self._config = config
        self._run = run
        self._choice = choice
        self._set_context = set_context
        # Where this run's records begin: a log of the user's own may hold others.
        self._beginning = records.size(run.log)
        # Of the test that runs: its context, where its records begin, those that a report of it has shown.
        self._context = ""
        self._start = 0
        self._shown: Set[int] = set()
        # In the process with the summary: what any report has shown.
        self._reported: Set[int] = set()
        self._summary: Optional[summary.Summary] = None

    def pytest_report_header(self) -> str:
        strict = "" if self._choice.strict == "off" else f", strict: {self._choice.strict}"
        return f"forkwatch: every fork is watched{strict}"

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        before = (self._context, self._start, self._shown)
        variable = os.environ.get(_CONTEXT_VARIABLE)
        self._context, self._start, self._shown = context_of(item.nodeid), records.size(self._run.log), set()
        self._set_context(self._context.encode("utf-8"))
        os.environ[_CONTEXT_VARIABLE] = self._context
        yield
        if variable is None:
            os.environ.pop(_CONTEXT_VARIABLE, None)
        else:
            os.environ[_CONTEXT_VARIABLE] = variable
        self._set_context(None if variable is None else os.fsencode(variable))
        self._context, self._start, self._shown = before

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
        """Fails the test before its report is made, as if it had raised: `xfail`, `-x` and `--pdb` then do as ever."""
        found: List[Entry] = []
        # What happened while a fixture was set up fails the test itself: one place, and its body still runs.
        if not (call.when == "setup" and call.excinfo is None):
            found = self._new_findings()
        severe = [entry for entry in found if entry.is_severe]
        if severe and call.excinfo is None:
            call.excinfo = _failure(severe)
        outcome: Any = yield
        report = outcome.get_result()
        if not found or not _shows(report):
            return
        self._shown.update(entry.place for entry in found)
        report.sections.extend(_sections(found))
        # Goes from a worker to the controller with the report.
        report.forkwatch_reported = [entry.place for entry in found]

    def _new_findings(self) -> List[Entry]:
        return [
            entry
            for entry in records.entries(self._run.log, self._start)
            if entry.is_finding and entry.context == self._context and entry.place not in self._shown
        ]

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._reported.update(getattr(report, "forkwatch_reported", ()))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: Any) -> None:
        """A finding that no test shows must not be lost: its child was slower than the test, or no test was running."""
        if not self._run.is_main:
            return
        self._summary = summary.Summary(records.entries(self._run.log, self._beginning), self._reported)
        if self._summary.unreported and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._summary is not None:
            self._summary.write(terminalreporter)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        # A process that had a finding still writes its counts when it ends, after all Python code: that folder is left
        # to the next run.
        if self._run.is_main and next(records.entries(self._run.log, self._beginning), None) is None:
            folders.remove(self._run.folder)


def _failure(severe: List[Entry]) -> Any:
    """A failure in one line for each finding, worst first; the text of each is a section of the report."""
    worst_first = sorted(severe, key=lambda entry: -SEVERE.index(entry.severity))
    titles = dict.fromkeys(text.harmless(f"forkwatch: {entry.title}") for entry in worst_first)
    try:
        pytest.fail("\n".join(titles), pytrace=False)
    except pytest.fail.Exception:
        # pytest exports the name since 6.2 only.
        return ExceptionInfo.from_current()


def _shows(report: Any) -> bool:
    """Whether anybody gets to see the sections, or expected the failure."""
    return bool(report.failed or (hasattr(report, "wasxfail") and report.skipped))


def _sections(found: List[Entry]) -> List[Any]:
    """A section for each different finding, with the number of times it happened."""
    groups: Dict[str, List[Entry]] = {}
    for entry in _forks_before_children(found):
        groups.setdefault(entry.fingerprint, []).append(entry)
    sections = []
    for group in groups.values():
        first = group[0]
        times = "" if len(group) == 1 else f", {len(group)} times"
        sections.append((f"forkwatch: {first.severity} {first.record.get('kind')}{times}", text.report(first.record)))
    return sections


def _forks_before_children(found: List[Entry]) -> List[Entry]:
    """A fork is written when it has returned in the parent, and its child may be faster."""
    order: Dict[Any, int] = {}
    for entry in found:
        order.setdefault(entry.record.get("fork_id"), len(order))
    return sorted(found, key=lambda entry: (order[entry.record.get("fork_id")], "fork" not in entry.record))
