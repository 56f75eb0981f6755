"""Crates from crates.io whose tests use threads, built from the sources that cargo downloads."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from reliability.outcomes import DIED, FAILED, HUNG, PASSED, SKIPPED
from reliability.process import TIMEOUT, Failed, must, run
from reliability.programs import Program
from reliability.way import Way

LONGEST_BUILD = 1800
LONGEST_BINARY = 300
ENDS = {"ok": PASSED, "failed": FAILED, "ignored": SKIPPED}
MANIFEST = """\
[package]
name = "only-fetches"
version = "0.0.0"
edition = "2021"

[lib]
path = "lib.rs"

[dependencies]
{name} = "={version}"

[workspace]
"""


@dataclass(frozen=True)
class Crate(Program):
    """`words` choose its test binaries."""

    crate: str
    version: str
    words: tuple[str, ...] = ("--tests",)

    @property
    def name(self) -> str:
        return f"rust-{self.crate}"

    def prepare(self, folder: Path) -> str:
        source, log = folder / "source", folder / "prepare.log"
        if not (folder / "binaries.json").exists():
            shutil.rmtree(source, ignore_errors=True)
            shutil.copytree(self._fetched(folder, log), source)
            # The published crate does not contain its workspace.
            with (source / "Cargo.toml").open("a") as manifest:
                manifest.write("\n[workspace]\n")
            built = folder / "built.json"
            small = {"CARGO_PROFILE_TEST_DEBUG": "false", "CARGO_PROFILE_TEST_OPT_LEVEL": "1"}
            command = ["cargo", "test", "--no-run", "--quiet", "--message-format=json", *self.words]
            must(command, built, seconds=LONGEST_BUILD, variables=small, cwd=source)
            (folder / "binaries.json").write_text(json.dumps(executables(built)))
        return self.version

    def _fetched(self, folder: Path, log: Path) -> Path:
        """Where cargo unpacks it."""
        only = folder / "fetch"
        only.mkdir(exist_ok=True)
        (only / "lib.rs").touch()
        (only / "Cargo.toml").write_text(MANIFEST.format(name=self.crate, version=self.version))
        must(["cargo", "fetch"], log, cwd=only)
        home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
        found = list((home / "registry" / "src").glob(f"*/{self.crate}-{self.version}"))
        if not found:
            raise Failed("cargo did not unpack it")
        return found[0]

    def run(self, way: Way, folder: Path, only: tuple[str, ...] = ()) -> dict[str, str]:
        ends: dict[str, str] = {}
        for name, binary in json.loads((folder / "binaries.json").read_text()).items():
            tests = [test.partition("::")[2] for test in only if test.partition("::")[0] == name]
            if not only or tests:
                ends.update(self._binary(way, folder, name, binary, tests))
        return ends

    def _binary(self, way, folder, name, binary, tests):
        """One binary with its default number of threads. Its log file has one result per line."""
        ends, log = folder / f"{way.name}-{name}.ends", folder / f"{way.name}-{name}.log"
        ends.unlink(missing_ok=True)
        command = [binary, f"--logfile={ends}", *(["--exact", *tests] if tests else [])]
        status, _seconds = run(command, log, LONGEST_BINARY, way.variables(), cwd=folder / "source")
        lines = ends.read_text(errors="replace").splitlines() if ends.exists() else []
        # An ignored test has its reason after a comma.
        words = [line.split(",")[0].split(" ", 1) for line in lines]
        ends = {f"{name}::{test}": ENDS[end] for end, test in (pair for pair in words if len(pair) == 2) if end in ENDS}
        if status not in (0, 101):
            # The whole binary died: tests without a result are missing by name.
            ends[f"{name}::the binary itself"] = HUNG if status == TIMEOUT else DIED
        return ends


def executables(built: Path) -> dict[str, str]:
    """The test binaries that cargo reported, by the names of their targets."""
    found = {}
    for line in built.read_text(errors="replace").splitlines():
        message = json.loads(line) if line.startswith("{") else {}
        if message.get("reason") == "compiler-artifact" and message.get("executable"):
            found[message["target"]["name"]] = message["executable"]
    return found


def chosen(*names: str) -> tuple[str, ...]:
    return tuple(word for name in names for word in ("--test", name))


# For tokio, those about threads, processes and signals: each of its tests is a separate binary.
TOKIO = ("rt_*", "task_*", "process_*", "signal_*", "sync_*", "time_*", "fs_file", "macros_select")
ROWS = (
    Crate("tokio", "1.54.1", ("--features", "full,test-util", *chosen(*TOKIO))),
    Crate("rayon", "1.12.0"),
    Crate("rayon-core", "1.13.0"),
    Crate("crossbeam-channel", "0.5.17"),
    Crate("crossbeam-utils", "0.8.23"),
    Crate("crossbeam-deque", "0.8.8"),
    Crate("crossbeam-epoch", "0.9.21"),
    Crate("crossbeam-queue", "0.3.14"),
)
