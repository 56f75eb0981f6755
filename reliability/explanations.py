"""Why a test may differ without forkwatch being the cause: one row per test or group of tests."""

from __future__ import annotations

import re
from typing import NamedTuple


class Explanation(NamedTuple):
    """For tests of programs whose names match."""

    program: str
    test: str
    reason: str


EXPLANATIONS: tuple[Explanation, ...] = ()


def explanation(program: str, test: str) -> str | None:
    return next(
        (row.reason for row in EXPLANATIONS if re.fullmatch(row.program, program) and re.search(row.test, test)),
        None,
    )
