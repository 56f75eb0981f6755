"""The installed package: the command, the library, `python -m forkwatch`."""

import os
import re
import struct
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import forkwatch
from forkwatch.__main__ import with_interpreter

ROOT = Path(__file__).resolve().parents[2]
# elf(5)
PT_DYNAMIC, DT_NEEDED = 2, 1


def test_the_command_is_the_one_of_this_environment() -> None:
    command = forkwatch.command_path()
    assert os.path.samefile(command, os.path.join(sysconfig.get_path("scripts"), "forkwatch"))
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
    assert said == f"forkwatch {metadata.version('forkwatch')}\n"


def test_the_library_can_be_preloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "")
    path = forkwatch.library_path()
    assert path.endswith("/libforkwatch.so")
    monkeypatch.setenv("LD_PRELOAD", path)
    asked = "import ctypes; print(hasattr(ctypes.CDLL(None), 'forkwatch_set_context'))"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True).stdout == "True\n"


SETTLED = """
import forkwatch, os, threading, time
assert forkwatch.settle(20_000)
lock = threading.Lock()
held = threading.Event()
def keep():
    while True:
        with lock:
            held.set()
            sum(range(2000))
threading.Thread(target=keep, daemon=True).start()
held.wait()
for _ in range(20):
    child = os.fork()
    if child == 0:
        print("taken" if lock.acquire(timeout=10) else "locked", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_forks_are_held_back_until_they_are_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", forkwatch.library_path())
    monkeypatch.setenv("FORKWATCH_TEXT", "off")
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", SETTLED], capture_output=True, text=True)
    # A lock that the interpreter keeps in its object is found by its frames.
    assert (run.stdout.split(), run.stderr) == (["taken"] * 20, "")


def test_forks_are_not_held_back_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.PyDLL", lambda _name: object())
    assert not forkwatch.settle()
    with pytest.raises(ValueError, match="from 0 to 60000, not 60001"):
        forkwatch.settle(60_001)


def is_dynamic(path: Path) -> bool:
    """Whether the file asks for a shared library: a static one contains libc, and with it the names of its versions."""
    content = path.read_bytes()
    (start,), size, count = struct.unpack_from("<Q", content, 32), *struct.unpack_from("<HH", content, 54)
    for place in range(start, start + size * count, size):
        kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", content, place)
        if kind == PT_DYNAMIC:
            tags = [tag for tag, _ in struct.iter_unpack("<qQ", content[offset : offset + length])]
            return DT_NEEDED in tags[: tags.index(0)]
    return False


def test_the_wheel_is_tagged_for_the_oldest_glibc_that_has_what_it_calls() -> None:
    wheel = metadata.distribution("forkwatch").read_text("WHEEL") or ""
    tag = re.search(r"manylinux_2_(\d+)_x86_64", wheel)
    if tag is None:
        pytest.skip("not installed from a wheel for manylinux")
    paths = [forkwatch.command_path(), forkwatch.library_path()]
    assert is_dynamic(Path(paths[1]))
    for path in filter(lambda path: is_dynamic(Path(path)), paths):
        versions = [int(number) for number in re.findall(rb"\0GLIBC_2\.(\d+)", Path(path).read_bytes())]
        assert versions and max(versions) <= int(tag[1]), path


def test_a_script_is_run_by_this_interpreter(python: Any, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import sys; print(sys.executable, sys.argv[1:])")
    for options in (
        ["--"],
        ["--depth", "8", "--text=off"],
        ["--strict"],
        ["--strict=locks", "--action", "fail"],
        ["--watch"],
        ["--watch", "--error-exitcode", "7", "--"],
        ["--log", "x.py"],
        ["--context", "--strict"],
    ):
        done = python("-m", "forkwatch", "run", *options, "app.py", "-x")
        assert done.stdout == f"{sys.executable} ['-x']\n", (options, done.stderr)


def test_what_is_no_script_gets_no_interpreter(python: Any, tmp_path: Path) -> None:
    done = python("-m", "forkwatch", "run", "--watch", "echo", "app.py")
    assert done.stdout == "app.py\n", done.stderr
    assert with_interpreter(["report", "app.py"]) == ["report", "app.py"]
    assert with_interpreter([]) == []


def test_the_example_is_reported(python: Any) -> None:
    done = python("-m", "forkwatch", "run", "--", str(ROOT / "examples" / "frozen_pool.py"))
    assert "forkwatch: ERROR unsafe_fork: fork() in thread" in done.stderr
    assert done.stdout == "the worker is frozen\n"


def test_without_its_command_the_package_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forkwatch.command._candidates", lambda: iter(["/nowhere/forkwatch"]))
    with pytest.raises(forkwatch.CommandMissing, match="the command is not installed"):
        forkwatch.command_path()
