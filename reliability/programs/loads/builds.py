"""Builds: `make -j` with many small files, and this project with cargo."""

from __future__ import annotations

import shutil
from pathlib import Path

from reliability.programs.loads import Load, Run

ROOT = Path(__file__).resolve().parents[3]
FILES = 40
MAKEFILE = """\
objects := $(patsubst %.c,%.o,$(wildcard part*.c))
all: program check
program: main.o $(objects)
\t$(CC) -pthread -o $@ $^
check: program
\t./program > said
%.o: %.c
\t$(CC) -O1 -c -o $@ $<
clean:
\trm -f *.o program said
"""


def make(run: Run) -> None:
    (run.folder / "Makefile").write_text(MAKEFILE)
    for number in range(FILES):
        (run.folder / f"part{number}.c").write_text(f"int part{number}(int n) {{ return n + {number}; }}\n")
    calls = " + ".join(f"part{number}(0)" for number in range(FILES))
    declared = "".join(f"int part{number}(int);\n" for number in range(FILES))
    (run.folder / "main.c").write_text(
        f'#include <stdio.h>\n{declared}int main(void) {{ printf("%d\\n", {calls}); }}\n'
    )
    for jobs in (4, 16):
        run.passes("make ends well", "make", f"-j{jobs}", "--output-sync")
        said = (run.folder / "said").read_text() if (run.folder / "said").exists() else ""
        run.check("what it built works", said.strip() == str(sum(range(FILES))), said)
        run.passes("make cleans up", "make", "clean")


def cargo(run: Run) -> None:
    """A debug build of the whole workspace from nothing, whose command then reads an empty log."""
    variables = {"CARGO_TARGET_DIR": str(run.folder / "target"), "CARGO_INCREMENTAL": "0", "CARGO_NET_OFFLINE": "true"}
    options = ["--quiet", "--locked", "--config", "profile.dev.debug=false"]
    run.passes("cargo builds it", "cargo", "build", *options, cwd=ROOT, variables=variables, seconds=1500)
    command = run.folder / "target" / "debug" / "forkwatch"
    run.must("the command is there", command.exists())
    run.passes("what it built works", command, "--version", wanted="forkwatch ")
    shutil.rmtree(run.folder / "target")


ROWS = (
    Load("make", ("make", "cc"), ("make", "--version"), make),
    Load("own-build", ("cargo",), ("cargo", "--version"), cargo),
)
