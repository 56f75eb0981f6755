"""Input of the programs, generated for each run of the benchmark and always the same."""

from __future__ import annotations

import functools
import random
from pathlib import Path

from bench.building import BUILT

_SQL = """
CREATE TABLE reading (id INTEGER PRIMARY KEY, sensor INTEGER, value REAL, note TEXT);
WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {rows})
INSERT INTO reading SELECT n, n * 7919 % 101, n * 0.5, 'note ' || n FROM number;
CREATE INDEX by_sensor ON reading (sensor, value);
SELECT sensor, count(*), avg(value), max(note) FROM reading GROUP BY sensor ORDER BY 3 LIMIT 5;
UPDATE reading SET value = value + 1 WHERE sensor % 5 = 0;
SELECT a.id FROM reading a JOIN reading b ON b.id = a.id * 3 WHERE b.note LIKE '%99' LIMIT 5;
"""


@functools.lru_cache(maxsize=None)
def sql() -> Path:
    """Statements for an in-memory database."""
    return _write("statements.sql", _SQL.format(rows=80_000))


@functools.lru_cache(maxsize=None)
def text(megabytes: int) -> Path:
    """Text that compresses about as well as a log."""
    chance = random.Random(1)
    words = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 9))) for _ in range(3000)]
    size, lines = 0, []
    while size < megabytes << 20:
        lines.append(f"{chance.getrandbits(32):08x} {' '.join(chance.choices(words, k=12))}\n")
        size += len(lines[-1])
    return _write(f"text-{megabytes}.txt", "".join(lines))


def _write(name: str, content: str) -> Path:
    BUILT.mkdir(parents=True, exist_ok=True)
    path = BUILT / name
    path.write_text(content)
    return path
