"""Compiles what is measured, into a directory below cargo's."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

from bench.process import Failed

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "bench" / "programs"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BUILT = TARGET / "bench-programs"
OWN_INTERFACE = {"forkwatch_set_context", "forkwatch_settle"}


def cargo(*arguments: str) -> None:
    if subprocess.run(["cargo", "build", "--quiet", "--release", *arguments], cwd=ROOT).returncode != 0:
        raise Failed("cargo cannot build it")


def forkwatch() -> Path:
    """The current library."""
    cargo()
    return TARGET / "release" / "libforkwatch.so"


@functools.lru_cache(maxsize=None)
def rust_program() -> Path:
    cargo("--package", "forkwatch-bench-program")
    return TARGET / "release" / "forkwatch-bench-program"


@functools.lru_cache(maxsize=None)
def c_program(source: str, flags: tuple[str, ...] = ()) -> Path:
    """`programs/SOURCE.c`, compiled with these flags too."""
    flavour = "".join(flag.replace("-f", "-").replace("=", "-") for flag in flags)
    return _compile(PROGRAMS / f"{source}.c", BUILT / f"{source}{flavour}", "-pthread", *flags)


def pass_through(library: Path) -> Path:
    """A library that interposes the same calls as `library`, and does nothing."""
    command = ["nm", "-D", "--defined-only", "--format=posix", str(library)]
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    # A version may follow the name after an `@`.
    names = {line.split()[0].split("@")[0] for line in listed.splitlines()} - OWN_INTERFACE
    BUILT.mkdir(parents=True, exist_ok=True)
    (BUILT / "passthrough_calls.h").write_text("".join(f"PASS({name})\n" for name in sorted(names)))
    return _compile(PROGRAMS / "passthrough.c", BUILT / "passthrough.so", "-shared", "-fPIC", f"-I{BUILT}")


def _compile(source: Path, target: Path, *flags: str) -> Path:
    BUILT.mkdir(parents=True, exist_ok=True)
    command = [os.environ.get("CC", "cc"), "-O2", "-o", str(target), str(source), *flags]
    try:
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        raise Failed(f"{command[0]}: {error.strerror}") from None
    if done.returncode != 0:
        raise Failed(f"{source.name} does not compile: {' '.join(done.stderr.split())[:160]}")
    return target
