"""The installed package: the command, the library, `python -m forkwatch`."""

import os
import re
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


def test_the_wheel_is_tagged_for_the_oldest_glibc_that_has_what_it_calls() -> None:
    wheel = metadata.distribution("forkwatch").read_text("WHEEL") or ""
    tag = re.search(r"manylinux_2_(\d+)_x86_64", wheel)
    if tag is None:
        pytest.skip("not installed from a wheel for manylinux")
    for path in (forkwatch.command_path(), forkwatch.library_path()):
        versions = [int(number) for number in re.findall(rb"GLIBC_2\.(\d+)", Path(path).read_bytes())]
        assert versions and max(versions) <= int(tag[1]), path


def test_a_script_is_run_by_this_interpreter(python: Any, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import sys; print(sys.executable, sys.argv[1:])")
    for words in (["run", "--", "app.py", "-x"], ["run", "--depth", "8", "--text=off", "app.py", "-x"]):
        assert python("-m", "forkwatch", *words).stdout == f"{sys.executable} ['-x']\n"


@pytest.mark.parametrize(
    "words, expected",
    [
        (["run", "app.py"], ["run", "PYTHON", "app.py"]),
        (["run", "--strict", "app.py"], ["run", "--strict", "PYTHON", "app.py"]),
        (["run", "--strict=locks", "--", "a.py", "b.py"], ["run", "--strict=locks", "--", "PYTHON", "a.py", "b.py"]),
        (["run", "--log", "x.py", "make", "a.py"], ["run", "--log", "x.py", "make", "a.py"]),
        (["run", "--log", "x.py"], ["run", "--log", "x.py"]),
        (["report", "app.py"], ["report", "app.py"]),
        ([], []),
    ],
)
def test_only_a_script_that_is_run_gets_an_interpreter(words: Any, expected: Any) -> None:
    assert with_interpreter(words) == [sys.executable if word == "PYTHON" else word for word in expected]


def test_the_example_is_told(python: Any) -> None:
    done = python("-m", "forkwatch", "run", "--", str(ROOT / "examples" / "frozen_pool.py"))
    assert "forkwatch: ERROR unsafe_fork: fork() in thread" in done.stderr
    assert done.stdout == "the worker is frozen\n"


def test_without_its_command_the_package_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forkwatch.command._candidates", lambda: iter(["/nowhere/forkwatch"]))
    with pytest.raises(forkwatch.CommandMissing, match="the command is not installed"):
        forkwatch.command_path()
