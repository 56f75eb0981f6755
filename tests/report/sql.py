"""Runs what `forkwatch report --sql=DATABASE` prints on the records in incidents/ and prints the findings as JSON.

The query is read from standard input: python3 sql.py DATABASE < QUERY
"""

import glob
import json
import re
import sys

RECORDS = "incidents/*.jsonl"


def duckdb_rows(query):
    import duckdb

    database = duckdb.connect()
    settings, *others = database.extract_statements(query)

    def rows():
        for statement in others:
            found = database.execute(statement)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row)) for row in found.fetchall()]

    database.execute(settings)
    by_pattern = rows()
    files = ", ".join(f"'{path}'" for path in sorted(glob.glob(RECORDS)))
    database.execute(f"SET VARIABLE records = [{files}]")
    if rows() != by_pattern:
        sys.exit("a list of files gives other findings than a pattern")
    return by_pattern


def parquet_rows(query):
    import duckdb

    database = duckdb.connect()
    # As the comment in the query says that the files are written.
    copy = re.search(r"^--     (COPY \(.*?;)$", query, re.MULTILINE | re.DOTALL)[1]
    database.execute(copy.replace("\n--", "\n"))
    for statement in database.extract_statements(query):
        found = database.execute(statement)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row)) for row in found.fetchall()]


def clickhouse_rows(query):
    from chdb.session import Session

    session = Session()
    # Twice: tables that are there already must do no harm.
    session.query(query)
    session.query(query)
    # As the comment in the query says that records are loaded.
    for name, value in re.findall(r"--(\w*input_format\w*)=(\w+)", query):
        session.query(f"SET {name} = '{value}'")
    # One block a file: parents and children meet nevertheless.
    for path in sorted(glob.glob(RECORDS)):
        session.query(f"INSERT INTO forkwatch_records FROM INFILE '{path}' FORMAT JSONEachRow")
    found = session.query("SELECT * FROM forkwatch_report", "JSONEachRow")
    return [json.loads(line) for line in str(found).splitlines()]


if __name__ == "__main__":
    rows = {"duckdb": duckdb_rows, "parquet": parquet_rows, "clickhouse": clickhouse_rows}[sys.argv[1]]
    json.dump(rows(sys.stdin.read()), sys.stdout)
