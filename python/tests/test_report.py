"""Records read from a log, and the text made of them."""

import json
from pathlib import Path
from typing import Any, Dict

from forkwatch import records, text
from forkwatch.pytest_plugin.watcher import _forks_before_children, context_of


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
    "exe": "/usr/bin/app",
    "service": "app",
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
        'ERROR unsafe_fork: fork() in thread "main" (pid 1) while thread "keeper" holds the mutex "self.lock"',
        "",
        'fork() called by thread "main" (tid 1) of /usr/bin/app, child pid 3',
        "  #0 start  /src/app.py:12",
        "  native stack:",
        "  ... 1 frame of the Python interpreter",
        "  #1 send  /src/app.c:7",
        "",
        'Thread "keeper" (tid 2) holds the mutex "self.lock"',
        "  now waiting in pause at:",
        "    #0 keep  /src/app.py:4",
        "  runs run; its creation was not seen",
        "",
        'Lock: mutex "self.lock" at 0x10, held by thread "keeper" (tid 2)',
        "  taken at:",
        "    #0 take  (app+0x2)",
        "  the holder is now waiting in pause at keep (/src/app.py:4)",
        "  1 thread waits for it: tid 5",
        "",
        "Why this can hang:",
        "  The child gets a copy of every lock, but only one thread: the one that called fork. A lock that",
        "  another thread holds at that moment stays locked in the child for ever, and the child hangs as",
        "  soon as it needs that lock.",
        "",
        "What to do:",
        "  Fork first.",
        "",
        "Context: test_a.py::test_x",
        "2026-01-01T00:00:00Z on here, fingerprint 0123456789abcdef",
    ]
    assert text.place(RECORD) == "start (/src/app.py:12)"


def test_a_place_is_the_programs_own_line() -> None:
    packages = "/env/lib/python3.11/site-packages/"
    standard = {"file": "/usr/lib/python3.11/multiprocessing/process.py", "line": 1, "function": "start"}
    own = {"file": f"{packages}celery/app.py", "line": 2, "function": "work"}
    fork = {**RECORD["fork"], "python_stack": [standard, own]}
    assert text.place({**RECORD, "fork": fork}) == "work (celery/app.py:2)"
    assert text.place({**RECORD, "fork": {**fork, "python_stack": None}}) == "send (/src/app.c:7)"
    assert text.place({**RECORD, "fork": {"stack": [_frame("send")]}}) == "send (app+0x2)"
    assert text.place({}) == ""


def test_fields_of_a_later_version_or_none_do_no_harm() -> None:
    assert text.report({"schema": "forkwatch/1", "kind": "new", "more": {}}) == "None new: None"
    later = {"schema": "forkwatch/1", "kind": "new", "fingerprint": "0", "message": "hello"}
    assert text.report(later) == "hello"


def test_names_cannot_steer_the_terminal() -> None:
    threads = [{**RECORD["threads"][0], "name": "\x1b[2J\u202e\nforkwatch: INFO"}]
    assert '"\\u{1b}[2J\\u{202e}\\nforkwatch: INFO"' in text.report({**RECORD, "threads": threads})
    assert text.harmless("a\nb") == "a\\u{a}b"


def test_without_the_command_the_headline_is_reported(monkeypatch: Any) -> None:
    monkeypatch.setattr(text, "command_path", lambda: "/nowhere/forkwatch")
    title = 'ERROR unsafe_fork: fork() in thread "main" (pid 1) while thread "keeper" holds a mutex'
    assert text.report(RECORD) == title


def test_only_whole_records_are_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    line = json.dumps(RECORD).encode() + b"\n"
    log.write_bytes(b"noise\n" + line + b'{"schema": "other"}\n' + line + line[:40])
    entries = list(records.entries(str(log)))
    assert [entry.place for entry in entries] == [6, 6 + len(line) + 20]
    assert list(records.entries(str(log), entries[1].place)) == entries[1:]
    assert list(records.entries(str(tmp_path / "none"))) == [] and records.size(str(tmp_path / "none")) == 0


def test_a_fork_is_told_before_what_its_child_found() -> None:
    def entry(place: int, **more: Any) -> records.Entry:
        return records.Entry(place, {"fork_id": "a", **more})

    found = [entry(0), entry(1, fork_id="b", fork={}), entry(2, fork={}), entry(3), entry(4, fork_id="b")]
    assert [first.place for first in _forks_before_children(found)] == [2, 0, 3, 1, 4]


def test_a_context_is_never_longer_than_the_library_keeps() -> None:
    assert context_of("test_a.py::test_x[ü]") == "test_a.py::test_x[ü]"
    long, other = context_of("a" * 5000), context_of("a" * 4999)
    assert len(long.encode()) <= 1000 and long != other
    assert context_of("a\nb\udc80") == "a\\x0ab\\xdc80"
