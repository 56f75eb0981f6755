"""SQLite: several shells write one database at once, in write-ahead mode, and one sorts with helper threads."""

from __future__ import annotations

import contextlib

from reliability.programs.loads import Load, Run

WRITERS = 3
ROWS_EACH = 400
INSERT = "INSERT INTO t VALUES ({writer}, {row}, hex(randomblob(40)));"


def drive(run: Run) -> None:
    database = run.folder / "data.db"
    run.passes(
        "a table is made", "sqlite3", database, "PRAGMA journal_mode=WAL; CREATE TABLE t(w, r, x);", wanted="wal"
    )
    with contextlib.ExitStack() as writers:
        for writer in range(WRITERS):
            script = run.folder / f"{writer}.sql"
            rows = "\n".join(INSERT.format(writer=writer, row=row) for row in range(ROWS_EACH))
            script.write_text(f".timeout 60000\nPRAGMA synchronous=OFF;\n{rows}\n")
            given = writers.enter_context(script.open("rb"))
            writers.enter_context(run.beside("each writer ends well", "sqlite3", "-bail", database, stdin=given))
    wanted = f"{WRITERS * ROWS_EACH}|{WRITERS * sum(range(ROWS_EACH))}"
    run.passes("each row is there", "sqlite3", database, "SELECT count(*), sum(r) FROM t;", wanted=wanted)
    sort = "PRAGMA threads=4; PRAGMA cache_size=50; CREATE INDEX i ON t(x, r); PRAGMA integrity_check;"
    run.passes("an index by helper threads is whole", "sqlite3", database, sort, wanted="ok")
    run.passes(
        "a copy is whole", "sqlite3", database, f"VACUUM INTO '{run.folder}/copy.db'; PRAGMA quick_check;", wanted="ok"
    )


ROW = Load("sqlite3", ("sqlite3",), ("sqlite3", "--version"), drive)
