"""The readable report of a record.

Under pytest the library writes no report; each test shows its own findings. The command renders a record from the log
in the same words as the library.
"""

import json
import os
import re
from typing import Any, Dict, Optional, Sequence

from forkwatch.command import CommandMissing, command_path

Record = Dict[str, Any]

# Seconds after which a record is shown without its full text.
_LONGEST_WAIT = 20
_PACKAGES = re.compile(r"/(?:site|dist)-packages/(.*)")
_STANDARD_LIBRARY = re.compile(r"/lib/python3\.\d+/")


def report(record: Record) -> str:
    """The whole text of a finding, without a line break at its end; its headline alone where the command fails."""
    import subprocess

    # The command must be neither watched nor configured by the environment.
    environment = {
        name: value for name, value in os.environ.items() if name != "LD_PRELOAD" and not name.startswith("FORKWATCH_")
    }
    try:
        done = subprocess.run(
            [command_path(), "report", "--format=live", "-"],
            input=json.dumps(record).encode("utf-8", "surrogateescape"),
            env=environment,
            capture_output=True,
            check=True,
            timeout=_LONGEST_WAIT,
        )
        text = done.stdout.decode("utf-8", "replace").rstrip("\n")
    except (CommandMissing, OSError, subprocess.SubprocessError):
        text = ""
    return text or harmless(f"{record.get('severity')} {record.get('kind')}: {record.get('message')}")


def harmless(line: str) -> str:
    """One line for a terminal: the watched program chose the names in it, and may have put anything there."""
    return "".join(letter if letter.isprintable() else f"\\u{{{ord(letter):x}}}" for letter in line)


def place(record: Record) -> str:
    """Who caused a finding, in a few words: the innermost line that is not of Python itself, else a function."""
    source = record["fork"] if isinstance(record.get("fork"), dict) else record
    python: Sequence[Record] = source.get("python_stack") or []
    frame = next((frame for frame in python if not _is_of_python(frame)), None) or next(iter(python), None)
    if frame is not None:
        return harmless(f"{frame.get('function')} ({_near(str(frame.get('file')))}:{frame.get('line')})")
    native: Sequence[Record] = source.get("stack") or []
    return harmless(_in_brackets(next((frame for frame in native if not _is_interpreter(frame)), None)))


def _in_brackets(frame: Optional[Record]) -> str:
    """`send (shop.c:27)`, `send (shop+0x1189)`."""
    if frame is None:
        return ""
    function = frame.get("symbol") or "??"
    if frame.get("file"):
        return f"{function} ({_near(str(frame['file']))}:{frame.get('line')})"
    return f"{function} ({os.path.basename(str(frame.get('module')))}+{frame.get('offset')})"


def _near(name: str) -> str:
    """Below the current folder as it is seen from there, a package's file by its package."""
    packaged = _PACKAGES.search(name)
    folder = os.getcwd().rstrip(os.sep) + os.sep
    if packaged:
        return packaged[1]
    return name[len(folder) :] if name.startswith(folder) else name


def _is_of_python(frame: Record) -> bool:
    file = str(frame.get("file"))
    return file.startswith("<frozen") or bool(_STANDARD_LIBRARY.search(file)) and not _PACKAGES.search(file)


def _is_interpreter(frame: Record) -> bool:
    module = str(frame.get("module") or "")
    return os.path.basename(module).startswith(("libpython", "python")) or "/lib-dynload/" in module
