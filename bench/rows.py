"""What is measured. A new row is one entry of `ROWS`."""

from __future__ import annotations

import functools
import os
import statistics
import sys
from dataclasses import dataclass
from enum import Enum
from typing import Callable

from bench import building, inputs
from bench.workloads import EACH, Workload
from bench.workloads.commands import Start, Whole
from bench.workloads.compiled import MILLISECONDS, Compiled
from bench.workloads.held_back import LONGEST, MEDIAN, NEARLY_ALL, HeldBack
from bench.workloads.servers import HOST, Served


class Unit(Enum):
    """What a figure counts, and how a column's figure is compared with native."""

    # Nanoseconds; a column is shown as a ratio to native.
    TIME = "ns"
    # Nanoseconds; a column is shown as what it adds to native.
    MORE_TIME = "ns more"
    # Nanoseconds; a column is shown as it is: what is rare at best has no typical ratio.
    TIME_ITSELF = "ns itself"
    # KiB; a column is shown as what it adds to native.
    MORE_MEMORY = "KiB more"


# A target: no slower than the slowest repetition of native.
NOISE = "noise"


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure of a workload, and its target."""

    name: str
    workload: Workload
    figure: str = EACH
    unit: Unit = Unit.TIME
    target: float | str | None = None
    # The figure of all rounds of a row of its own times.
    choose: Callable[[list[float]], float] = statistics.median


def lock(name: str, way: str, target: float | None = None) -> Row:
    return Row(f"lock + unlock, {name}", Compiled("locks", (way, MILLISECONDS)), target=target)


def beside(name: str, whose: str, threads: int, target: str | None = None) -> Row:
    # For threads that contend for a lock, the fastest sample is one in which the others did not run.
    choose = min if whose == "different" else statistics.median
    return Row(
        f"lock + unlock, {name}", Compiled("contended", (whose, str(threads), MILLISECONDS), choose), target=target
    )


def forks(threads: int, locks: int) -> list[Row]:
    """The first fork of a process, which is reported if other threads are alive; and those after it."""
    workload = Compiled("forks", (str(threads), str(locks), MILLISECONDS))
    others = "1 other thread" if threads == 1 else f"{threads:,} other threads"
    name = f"fork + wait, {others}, {locks:,} locks"
    repeated = Row(f"{name}, repeated", workload, "repeated", target=1.05 if threads in (0, 1000) else 1.15)
    if threads == 0:
        return [repeated, Row(f"{name}, first", workload, "first")]
    return [repeated, Row(f"{name}, first", workload, "first", Unit.MORE_TIME, 1e7)]


def held_back(name: str, workload: HeldBack) -> list[Row]:
    """Forks, and lock calls of a thread beside them: how long they take, and how long at worst."""
    whats = [("fork", "fork"), ("lock", "lock call of a thread")]
    return [
        Row(
            f"held back, {name}: {shown}, {of}",
            workload,
            f"{what}, {of}",
            Unit.TIME_ITSELF,
            choose=max if of == LONGEST else statistics.median,
        )
        for what, shown in whats
        for of in (MEDIAN, NEARLY_ALL, LONGEST)
    ]


def whole(name: str, workload: Workload) -> Row:
    return Row(name, workload, target=1.02)


_REDIS = ("redis-server", "--port", "{port}", "--bind", HOST, "--save", "", "--appendonly", "no", "--dir", "{folder}")
_REDIS_LOAD = ("redis-benchmark", "-p", "{port}", "-n", "8000", "-c", "20", "-t", "set,get", "-q")
# It needs a user to switch to when root starts it.
_USER = ("-u", "root") if os.geteuid() == 0 else ()
_MEMCACHED = ("memcached", "-l", HOST, "-p", "{port}", "-U", "0", "-t", "2", *_USER)
_MEMCACHED_LOAD = ("memcslap", f"--servers={HOST}:{{port}}", "--concurrency=2", "--execute-number=5000", "--test=set")

ROWS: list[Row] = [
    lock("bare loop", "bare", 1.6),
    lock("8 calls deep", "deep", 1.25),
    lock("4 callers of one helper", "callers-4", 1.8),
    lock("64 callers of one helper", "callers-64", 3),
    lock("recursive, taken twice", "recursive"),
    lock("read-write lock, reading", "read"),
    lock("read-write lock, writing", "write"),
    lock("semaphore", "semaphore"),
    lock("try-lock", "try"),
    beside("2 threads, different locks", "different", 2),
    beside("2 threads, one lock", "same", 2, NOISE),
    beside("8 threads, one lock", "same", 8, NOISE),
    Row("condition, there and back", Compiled("threads", ("condition", MILLISECONDS)), target=1.1),
    Row("thread create + join", Compiled("threads", ("create", MILLISECONDS)), target=1.3),
    *(row for threads in (0, 1, 10, 100, 1000) for locks in (0, 1000) for row in forks(threads, locks)),
    *held_back("a mutex, 2 threads", HeldBack("c", "mutex", 2, 500)),
    *held_back("a mutex, 8 threads", HeldBack("c", "mutex", 8, 200)),
    *held_back("a server's pool, 8 threads", HeldBack("c", "pool", 8, 500)),
    *held_back("`setenv`, 2 threads", HeldBack("c", "environment", 2, 500)),
    *held_back("a mutex each, 100 threads", HeldBack("c", "many", 100, 100)),
    *held_back("Python's lock, 2 threads", HeldBack("python", "lock", 2, 200)),
    Row("start of `true`", Start(("true",)), unit=Unit.MORE_TIME, target=1e6),
    Row("start of `python3 -c pass`", Start((sys.executable, "-c", "pass")), unit=Unit.MORE_TIME, target=2e6),
    Row("memory of a process", Compiled("memory", ("50",)), "process", Unit.MORE_MEMORY, 2048),
    Row("memory of a thread", Compiled("memory", ("50",)), "thread", Unit.MORE_MEMORY, 64),
    whole("Python, 4 threads", Whole((), (sys.executable, str(building.PROGRAMS / "workload.py")))),
    whole("Rust, std::sync and parking_lot", Whole(("cargo",), ("{input}",), building.rust_program)),
    whole("sqlite3", Whole(("sqlite3",), ("sqlite3", ":memory:"), inputs.sql, reads=True)),
    whole(
        "xz -T2",
        Whole(("xz",), ("xz", "-T2", "-1", "--block-size=512KiB", "-c"), functools.partial(inputs.text, 2), reads=True),
    ),
    whole("zstd -T2", Whole(("zstd",), ("zstd", "-T2", "-6", "-c"), functools.partial(inputs.text, 8), reads=True)),
    whole("redis-server", Served(("redis-server", "redis-benchmark"), _REDIS, (_REDIS_LOAD,))),
    whole("memcached", Served(("memcached", "memcslap"), _MEMCACHED, (_MEMCACHED_LOAD,))),
]
