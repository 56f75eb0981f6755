"""What a row is measured under. A new column is one entry of `columns`."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Column:
    """One way to run a program."""

    name: str
    variables: dict[str, str] = field(default_factory=dict)
    # The prefix of the command.
    before: tuple[str, ...] = ()
    # Additional compiler flags for the programs that are compiled. Other programs are used as they are.
    flags: tuple[str, ...] = ()
    # A program that this column needs.
    needs: str | None = None
    meaning: str = ""

    @property
    def is_tool(self) -> bool:
        """Whether programs run under a tool or are compiled for one, which makes them slow."""
        return bool(self.before or self.flags)

    def reason_to_skip(self) -> str | None:
        """Why this machine cannot measure it; `None` if it can."""
        if self.needs and not shutil.which(self.needs):
            return f"{self.needs} is not installed"
        return None


NATIVE = Column("native")
# The column that the targets apply to, and the one that shows how much the same program varies.
FORKWATCH = "forkwatch"
AGAIN = "native again"
# Forks are held back until no other thread holds a lock.
SETTLE = "settle"

_TRACED_CALLS = "pthread_*+sem_*+fork"


def columns(library: Path, pass_through: Path | None) -> list[Column]:
    """All of them, in the order of the table."""

    def watched(name: str, meaning: str, **variables: str) -> Column:
        return Column(name, {"LD_PRELOAD": str(library), **variables}, meaning=meaning)

    # ThreadSanitizer needs the address space layout of older kernels.
    as_before = ("setarch", "-R") if shutil.which("setarch") else ()
    # So that a program with spinning threads ends, and 1,000 threads are not too many.
    valgrind = ("valgrind", "-q", "--fair-sched=try", "--max-threads=1100", "--log-file=/dev/null")
    return [
        Column(AGAIN, meaning="the program once more, watched by nobody: what differs here is noise"),
        watched(FORKWATCH, "as it is preloaded, without any option (`FORKWATCH_STACKS=full`)"),
        watched("caller", "`FORKWATCH_STACKS=caller`", FORKWATCH_STACKS="caller"),
        watched("off", "`FORKWATCH_STACKS=off`", FORKWATCH_STACKS="off"),
        watched(SETTLE, "`FORKWATCH_SETTLE=on`: forks are held back for at most 100 ms", FORKWATCH_SETTLE="on"),
        *(
            [
                Column(
                    "pass-through",
                    {"LD_PRELOAD": str(pass_through)},
                    meaning="a library that takes the same calls' places and does nothing: the floor",
                )
            ]
            if pass_through
            else []
        ),
        Column("TSan", before=as_before, flags=("-fsanitize=thread",), meaning="compiled for ThreadSanitizer"),
        Column("helgrind", before=(*valgrind, "--tool=helgrind"), needs="valgrind", meaning="Valgrind helgrind"),
        Column("DRD", before=(*valgrind, "--tool=drd"), needs="valgrind", meaning="Valgrind DRD"),
        Column(
            "ltrace",
            before=("ltrace", "-f", "-o", "/dev/null", "-e", _TRACED_CALLS),
            needs="ltrace",
            meaning=f"`ltrace -f -e '{_TRACED_CALLS}'`",
        ),
    ]
