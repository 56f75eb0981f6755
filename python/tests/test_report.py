"""Records read from a log, and the text made of them."""

import json
from pathlib import Path
from typing import Any, Dict

from forkwatch import records, text
from forkwatch.pytest_plugin.watcher import context_of


def _frame(symbol: str, module: str = "/usr/bin/app", **more: Any) -> Dict[str, Any]:
    return {"ip": "0x1", "module": module, "offset": "0x2", "build_id": None, "symbol": symbol, "file": None, **more}


RECORD: Dict[str, Any] = {
    "time": "2026-01-01T00:00:00.000000000Z",
    "severity": "ERROR",
    "schema": "forkwatch/1",
    "kind": "unsafe_fork",
    "fingerprint": "0123456789abcdef",
    "message": 'fork() in thread "main" (pid 1) while thread "keeper" holds a mutex',
    "host": "here",
    "pid": 1,
    "ppid": 0,
    "tid": 1,
    "thread": "main",
    "context": "test_a.py::test_x",
    "fork": {
        "function": "fork",
        "child_pid": 3,
        "exec_bound": False,
        "stack": [_frame("os_fork", "/usr/lib/libpython3.11.so.1.0"), _frame("send", file="/src/app.c", line=7)],
        "python_stack": [{"file": "/src/app.py", "line": 12, "function": "start"}],
    },
    "threads": [
        {
            "tid": 2,
            "name": "keeper",
            "start_routine": "run",
            "created_stack": None,
            "stack": None,
            "python_stack": [{"file": "/src/app.py", "line": 4, "function": "keep"}],
            "waiting": {"call": "pause", "address": None},
        }
    ],
    "locks": [
        {
            "address": "0x10",
            "kind": "mutex",
            "name": "self.lock",
            "owner_tid": 2,
            "owner": "keeper",
            "acquired_stack": [_frame("take")],
            "waiters": [5],
        }
    ],
    "advice": ["Fork first."],
}


def test_the_text_of_an_unsafe_fork() -> None:
    assert text.report(RECORD).splitlines() == [
        'ERROR unsafe_fork: fork() in thread "main" (pid 1) while thread "keeper" holds a mutex',
        "",
        'fork() called by thread "main" (tid 1) of pid 1, child pid 3',
        "  start  /src/app.py:12",
        "  send  /src/app.c:7",
        "",
        'Thread "keeper" (tid 2) holds 1 lock',
        "  now waiting in pause at:",
        "    keep  /src/app.py:4",
        "",
        'Lock: mutex "self.lock" at 0x10, held by thread "keeper" (tid 2)',
        "  taken at:",
        "    take  app+0x2",
        "  waited for by tid 5",
        "",
        "Why this can hang:",
        "  The child gets a copy of every lock, but only the thread that called fork. A lock that another",
        "  thread holds at that moment stays locked in the child for ever, and the child hangs as soon as it",
        "  needs it.",
        "",
        "What to do:",
        "  Fork first.",
        "",
        "2026-01-01T00:00:00.000000000Z on here, fingerprint 0123456789abcdef",
    ]
    assert text.place(RECORD) == "start  /src/app.py:12"


def test_the_text_of_a_finding_in_the_child() -> None:
    lock = {**RECORD["locks"][0], "kind": "semaphore", "name": None}
    lock["acquired_stack"] = [_frame("PyThread_acquire_lock_timed", "/usr/bin/python3.11")]
    record = {**RECORD, "severity": "FATAL", "kind": "orphaned_lock", "call": "sem_wait", "lock": lock, "stack": []}
    for name in ("fork", "threads", "locks", "advice"):
        del record[name]
    lines = text.report(record).splitlines()
    assert 'sem_wait called by thread "main" (tid 1) in the child (pid 1) of pid 0' in lines
    assert 'Lock: Python lock at 0x10, held by thread "keeper" (tid 2)' in lines


def test_fields_of_a_later_version_or_none_do_no_harm() -> None:
    assert text.report({"schema": "forkwatch/1", "kind": "new", "more": {}}).startswith("None new: None")
    assert text.place({}) == ""


def test_names_cannot_steer_the_terminal() -> None:
    record = {**RECORD, "message": "a\nb", "threads": [{"tid": 2, "name": "\x1b[2J\u202e\nforkwatch: INFO"}]}
    lines = text.report(record).splitlines()
    assert lines[0] == "ERROR unsafe_fork: a\\u{a}b"
    assert 'Thread "\\u{1b}[2J\\u{202e}\\u{a}forkwatch: INFO" (tid 2) holds 1 lock' in lines


def test_only_whole_records_are_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    line = json.dumps(RECORD).encode() + b"\n"
    log.write_bytes(b"noise\n" + line + b'{"schema": "other"}\n' + line + line[:40])
    entries = list(records.entries(str(log)))
    assert [entry.place for entry in entries] == [6, 6 + len(line) + 20]
    assert list(records.entries(str(log), entries[1].place)) == entries[1:]
    assert list(records.entries(str(tmp_path / "none"))) == [] and records.size(str(tmp_path / "none")) == 0


def test_a_context_is_never_longer_than_the_library_keeps() -> None:
    assert context_of("test_a.py::test_x[ü]") == "test_a.py::test_x[ü]"
    long, other = context_of("a" * 5000), context_of("a" * 4999)
    assert len(long.encode()) <= 1000 and long != other
    assert context_of("a\nb\udc80") == "a\\x0ab\\xdc80"
