"""The report for people, made from a record.

The library writes one of its own; under pytest it is silent, and each test shows what belongs to it. The words are the
library's where it has the same facts. Frames that a reader of a test has no use for are left out: pytest's own, those
of the interpreter, the beginning of each thread.

| question | module |
|---|---|
| where? | `frames` |
| which lock, and who has it? | `locks` |
| which threads were alive? | `threads` |
| what does the child do, and why does it hang? | `child` |
"""

from typing import Any, Dict, List

from forkwatch.text import child, frames, locks, threads
from forkwatch.text.words import count, quoted, sentences, without_fraction

Record = Dict[str, Any]

_MOST_LOCKS = 8
_WHY = (
    "The child gets a copy of every lock, but only the thread that called fork. A lock that another thread holds at "
    "that moment stays locked in the child for ever, and the child hangs as soon as it needs it."
)
_WHY_WITHOUT_LOCKS = (
    "The child gets a copy of every lock, but only the thread that called fork. No lock was seen held here, but "
    "libraries and libc have locks that nobody can see. One that another thread holds at that moment stays locked in "
    "the child for ever, and the child hangs as soon as it needs it."
)


def report(record: Record) -> str:
    """The whole text of a finding, without a line break at its end."""
    lines = [f"{record.get('severity')} {record.get('kind')}: {record.get('message')}"]
    if isinstance(record.get("fork"), dict):
        lines += _fork(record)
    elif record.get("call") is not None:
        lines += child.told(record)
    elif isinstance(record.get("lock"), dict):
        lines += locks.leaked(record["lock"])
    if record.get("advice"):
        lines += ["", "What to do:"]
        for sentence in record["advice"]:
            lines += sentences(str(sentence))
    time = without_fraction(str(record.get("time")))
    lines += ["", f"{time} on {record.get('host')}, fingerprint {record.get('fingerprint')}"]
    return "\n".join(map(harmless, lines))


def harmless(line: str) -> str:
    """One line for a terminal: the watched program chose the names in it, and may have put anything there."""
    return "".join(letter if letter.isprintable() else f"\\u{{{ord(letter):x}}}" for letter in line)


def place(record: Record) -> str:
    """Who caused a finding, in a few words: the Python line if it is known, else the program's function."""
    source = record["fork"] if isinstance(record.get("fork"), dict) else record
    return harmless(frames.cause(source.get("python_stack"), source.get("stack")))


def _fork(record: Record) -> List[str]:
    fork = record["fork"]
    held = record.get("locks") or []
    alive = record.get("threads") or []
    pid = fork.get("child_pid")
    stopped = ("asked for", ", stopped before there was a child")
    verb, made = stopped if pid is None else ("called", f", child pid {pid}")
    lines = [
        "",
        f"{fork.get('function')}() {verb} by thread {quoted(record.get('thread'))} (tid {record.get('tid')}) of "
        f"{frames.path(str(record.get('exe')))}{made}",
        *frames.stack(2, fork.get("python_stack"), fork.get("stack")),
        *threads.all_of(alive, held),
    ]
    for number, lock in enumerate(held[:_MOST_LOCKS], 1):
        label = f"Lock {number} of {len(held)}" if len(held) > 1 else "Lock"
        lines += locks.held(label, lock, alive, record)
    if len(held) > _MOST_LOCKS:
        lines += ["", f"... and {count(len(held) - _MOST_LOCKS, 'more lock')}"]
    return [*lines, "", "Why this can hang:", *sentences(_WHY if held else _WHY_WITHOUT_LOCKS)]
