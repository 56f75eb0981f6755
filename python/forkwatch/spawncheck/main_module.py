"""What `spawn` needs of the main module: the child imports its file again, under the name `__mp_main__`.

So a process must not be started by a statement that runs at import, and what the child unpickles by name must be
defined by one that does. Both are read from the source: `if __name__ == "__main__":` is the guard. A guard that is
written in another way (a comparison in a function, `sys.exit` at the top) is not recognised.
"""

import ast
import sys
import threading
from types import FrameType, FunctionType
from typing import Any, List, Optional, Tuple

# Larger files are not main modules written by hand.
_LARGEST = 4 * 1024 * 1024


class MainModule:
    """The main module's file, and the lines of it that only run when it is the main module."""

    def __init__(self) -> None:
        module = sys.modules.get("__main__")
        self.namespace = getattr(module, "__dict__", {})
        self.file: Optional[str] = getattr(module, "__file__", None)
        self._guards: Optional[List[Tuple[int, int]]] = _guards(self.file) if self.file else None

    def is_guarded(self, line: int) -> bool:
        """Whether a line runs only in the main process; true if that is not known."""
        if self._guards is None:
            return True
        return any(first <= line <= last for first, last in self._guards)

    def current_line(self, frame: Optional[FrameType]) -> Optional[int]:
        """The line of the module's own code that led here, in this thread or else in the main one."""
        line = self._module_line(frame)
        if line is None:
            line = self._module_line(sys._current_frames().get(threading.main_thread().ident or 0))
        return line

    def _module_line(self, frame: Optional[FrameType]) -> Optional[int]:
        line = None
        while frame is not None:
            if frame.f_code.co_name == "<module>" and frame.f_globals is self.namespace:
                line = frame.f_lineno
            frame = frame.f_back
        return line

    def hidden(self, instances: List[Any]) -> List[str]:
        """The names of those functions and classes that a child could not find: all, if there is no file to import.

        Local functions and classes do not pickle at all, and are reported for that.
        """
        named = [instance for instance in instances if "<" not in instance.__qualname__]
        if not self.file:
            return [instance.__qualname__ for instance in named]
        return [
            instance.__qualname__
            for instance in named
            if isinstance(instance, FunctionType)
            and instance.__code__.co_filename == self.file
            and self._guards
            and self.is_guarded(instance.__code__.co_firstlineno)
        ]


def _guards(path: str) -> Optional[List[Tuple[int, int]]]:
    try:
        with open(path, "rb") as file:
            source = file.read(_LARGEST)
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None
    return [
        (node.body[0].lineno, node.body[-1].end_lineno or node.body[-1].lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and _is_guard(node.test)
    ]


def _is_guard(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(map(_is_guard, test.values))
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
        return False
    sides = [test.left, test.comparators[0]]
    names = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
    return names and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)
