-- The findings of forkwatch's records, worst first, as `forkwatch report --format json` lists them. For DuckDB 1.3 or later:
--
--     forkwatch report --sql=duckdb > findings.sql
--     duckdb < findings.sql
--
-- Where the records are: a path, a pattern, or a list of them. Files ending in .gz and .zst are unpacked.
SET VARIABLE records = 'incidents/*.jsonl';
-- SET VARIABLE records = ['/var/log/forkwatch/**/*.jsonl', 'logs/*.jsonl.gz'];

-- What differs from the command:
-- * among records of one level and time, the example is the first in alphabetical order; the command takes the first it reads;
-- * a line with invalid JSON is left out; the command still counts one that is invalid only after its scalars;
-- * `programs` are program files; the command also distinguishes two builds of one file under one fingerprint;
-- * beyond 262,144 processes the command no longer assigns repeats to findings; this query always does.

-- The fields that count, of each line.
CREATE OR REPLACE TEMP VIEW forkwatch_lines AS
SELECT *
FROM read_json(
    getvariable('records'),
    format = 'newline_delimited',
    ignore_errors = true,
    columns = {
        time: 'VARCHAR', severity: 'VARCHAR', schema: 'VARCHAR', kind: 'VARCHAR', fingerprint: 'VARCHAR',
        message: 'VARCHAR', host: 'VARCHAR', pid: 'BIGINT', exe: 'VARCHAR', fork_id: 'VARCHAR',
        outcome: 'VARCHAR', repeated: 'BIGINT', by_kind: 'MAP(VARCHAR, BIGINT)',
        locks: 'STRUCT(id VARCHAR, name VARCHAR, owner VARCHAR)[]', lock: 'STRUCT(id VARCHAR, name VARCHAR, owner VARCHAR)'
    });

