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
        'fork() called by thread "main" (tid 1) of /usr/bin/app, child pid 3',
        "  start  /src/app.py:12",
        "  native stack:",
        "  send  /src/app.c:7",
        "",
        'Thread "keeper" (tid 2) holds the mutex "self.lock"',
        "  now waiting in pause at:",
        "    keep  /src/app.py:4",
        "  runs run; its creation was not seen",
        "",
        'Lock: mutex "self.lock" at 0x10, held by thread "keeper" (tid 2)',
        "  taken at:",
        "    take  (app+0x2)",
        "  the holder is now waiting in pause at keep (/src/app.py:4)",
        "  1 thread waits for it: tid 5",
        "",
        "Why this can hang:",
        "  The child gets a copy of every lock, but only the thread that called fork. A lock that another",
        "  thread holds at that moment stays locked in the child for ever, and the child hangs as soon as it",
        "  needs it.",
        "",
        "What to do:",
        "  Fork first.",
        "",
        "2026-01-01T00:00:00Z on here, fingerprint 0123456789abcdef",
    ]
    assert text.place(RECORD) == "start (/src/app.py:12)"


def _in_child(**more: Any) -> Dict[str, Any]:
    record = {**RECORD, "severity": "FATAL", "stack": [], **more}
    for name in ("fork", "threads", "locks", "advice"):
        del record[name]
    return record


def test_the_text_of_a_lock_that_a_child_waits_for() -> None:
    lock = {**RECORD["locks"][0], "kind": "semaphore", "name": None}
    lock["acquired_stack"] = [_frame("PyThread_acquire_lock_timed", "/usr/bin/python3.11")]
    record = _in_child(kind="orphaned_lock", call="sem_wait", lock=lock, blocking=True)
    assert text.report(record).splitlines()[1:] == [
        "",
        'sem_wait called by thread "main" of /usr/bin/app in the child (pid 1) of pid 0',
        "",
        'Lock: Python lock at 0x10, held at the fork by thread "keeper" (tid 2)',
        "  taken at:",
        "    PyThread_acquire_lock_timed  (python3.11+0x2)",
        "",
        "Why this hangs:",
        "  The child has a copy of the lock, but not of the thread that held it. Nobody here will ever",
        "  release it, and this call never returns.",
        "",
        "What to do:",
        "  The fork that made this child is what to change; `forkwatch explain orphaned_lock` says how.",
        "",
        "2026-01-01T00:00:00Z on here, fingerprint 0123456789abcdef",
    ]
    for blocking, severity, heading in [(False, "ERROR", "fails"), (True, "ERROR", "can hang")]:
        assert f"Why this {heading}:" in text.report({**record, "blocking": blocking, "severity": severity})
    own = text.report({**record, "call": "pthread_mutex_unlock"})
    assert "not of the thread that held it" not in own and "by its number" in own


def test_the_text_of_a_wait_for_a_lost_thread() -> None:
    record = _in_child(kind="stuck_child", call="sem_wait", object="semaphore", address="0x20", parent_tids=[7, 8])
    lines = text.report(record).splitlines()
    assert "Waits for: a semaphore at 0x20" in lines
    assert "  At the fork, 2 threads of the parent waited for it or held it (tid 7, 8)." in lines
    assert "Why this hangs:" in lines


def test_frames_that_say_nothing_are_left_out() -> None:
    tests = "/env/lib/python3.11/site-packages/"
    python = [
        {"file": "/src/app.py", "line": 1, "function": "start"},
        {"file": f"{tests}_pytest/python.py", "line": 2, "function": "pytest_pyfunc_call"},
        {"file": f"{tests}pluggy/_callers.py", "line": 3, "function": "_multicall"},
        {"file": "/usr/lib/python3.11/threading.py", "line": 5, "function": "Thread._bootstrap_inner"},
        {"file": "/usr/lib/python3.11/threading.py", "line": 6, "function": "Thread._bootstrap"},
    ]
    interpreter = [_frame("_PyEval_EvalFrameDefault", "/usr/lib/libpython3.11.so.1.0")] * 5
    bottom = [_frame("start_thread", "/lib/libc.so.6"), _frame("clone3", "/lib/libc.so.6")]
    thread = {**RECORD["threads"][0], "start_routine": "thread_run", "created_stack": [*interpreter, *bottom]}
    lock = {**RECORD["locks"][0], "acquired_stack": [*interpreter, *bottom]}
    fork = {**RECORD["fork"], "python_stack": python[:3], "stack": [*interpreter, *bottom]}
    thread["python_stack"] = [python[0], *python[3:]]
    record = {**RECORD, "fork": fork, "threads": [thread], "locks": [lock]}
    lines = text.report(record).splitlines()
    assert lines[3:15] == [
        "  start  /src/app.py:1",
        "  ... 2 frames of pytest",
        "",
        'Thread "keeper" (tid 2) holds the mutex "self.lock"',
        "  now waiting in pause at:",
        "    start  /src/app.py:1",
        "",
        'Lock: mutex "self.lock" at 0x10, held by thread "keeper" (tid 2)',
        "  the holder is now waiting in pause at start (/src/app.py:1)",
        "  1 thread waits for it: tid 5",
        "",
        "Why this can hang:",
    ]
    unnamed = text.report({**record, "locks": [{**lock, "name": None}]}).splitlines()
    assert "    ... 3 frames of the Python interpreter" in unnamed
    assert text.frames.path(f"{tests}celery/app.py") == "celery/app.py"


def test_threads_that_do_the_same_stand_together() -> None:
    idle = {**RECORD["threads"][0], "name": "pool", "start_routine": None, "created_stack": []}
    threads = [*({**idle, "tid": tid} for tid in range(10, 20)), RECORD["threads"][0]]
    lines = text.report({**RECORD, "threads": threads}).splitlines()
    named = [number for number, line in enumerate(lines) if line.startswith(('Thread "keeper"', "10 threads: "))]
    assert len(named) == 2 and lines[named[0]].startswith("Thread")
    assert lines[named[1]].endswith('"pool" (tid 17) and 2 more')


def test_a_fork_without_locks_says_so() -> None:
    words = " ".join(text.report({**RECORD, "locks": []}).split())
    assert "No lock was seen held here" in words


def test_fields_of_a_later_version_or_none_do_no_harm() -> None:
    assert text.report({"schema": "forkwatch/1", "kind": "new", "more": {}}).startswith("None new: None")
    assert text.place({}) == ""


def test_names_cannot_steer_the_terminal() -> None:
    record = {**RECORD, "message": "a\nb", "threads": [{"tid": 2, "name": "\x1b[2J\u202e\nforkwatch: INFO"}]}
    lines = text.report(record).splitlines()
    assert lines[0] == "ERROR unsafe_fork: a\\u{a}b"
    assert 'Thread "\\u{1b}[2J\\u{202e}\\u{a}forkwatch: INFO" (tid 2) holds the mutex "self.lock"' in lines


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
