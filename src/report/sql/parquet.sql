-- The findings of forkwatch's records in Parquet files, worst first, as `forkwatch report --format json` lists them. For DuckDB 1.3
-- or later. Write the files first, once for each piece of a log, in DuckDB:
--
--     COPY (
--         SELECT * FROM read_json('incidents/*.jsonl', format = 'newline_delimited', ignore_errors = true, columns = {
--             time: 'VARCHAR', severity: 'VARCHAR', schema: 'VARCHAR', kind: 'VARCHAR', fingerprint: 'VARCHAR',
--             message: 'VARCHAR', host: 'VARCHAR', pid: 'BIGINT', ppid: 'BIGINT', tid: 'BIGINT', thread: 'VARCHAR',
--             exe: 'VARCHAR', argv: 'VARCHAR[]', service: 'VARCHAR', context: 'VARCHAR', fork_id: 'VARCHAR',
--             fork: 'JSON', threads: 'JSON', locks: 'JSON', advice: 'VARCHAR[]', settled: 'JSON', call: 'VARCHAR',
--             lock: 'JSON', blocking: 'BOOLEAN', address: 'VARCHAR', object: 'VARCHAR', name: 'VARCHAR',
--             parent_tids: 'BIGINT[]', lost_threads: 'JSON', timed_waits: 'JSON', stack: 'JSON', python_stack: 'JSON',
--             library: 'VARCHAR', phase: 'VARCHAR', milliseconds: 'BIGINT', waits: 'JSON', fd: 'BIGINT',
--             fd_type: 'VARCHAR', child_pid: 'BIGINT', outcome: 'VARCHAR', program: 'VARCHAR', forks: 'BIGINT',
--             settled_forks: 'BIGINT', unsettled_forks: 'BIGINT', settle_max_us: 'BIGINT', settle_total_us: 'BIGINT',
--             unsafe_forks: 'BIGINT', exec_bound_forks: 'BIGINT', by_kind: 'MAP(VARCHAR, BIGINT)', suppressed: 'BIGINT',
--             repeated: 'BIGINT', locks_dropped: 'BIGINT', truncated: 'VARCHAR[]'})
--         WHERE schema LIKE 'forkwatch/%' AND kind IS NOT NULL AND fingerprint IS NOT NULL
--         ORDER BY fingerprint, time
--     ) TO 'incidents.parquet' (FORMAT parquet, COMPRESSION zstd);
--
-- and then ask them as often as you like:
--
--     forkwatch report --sql=parquet > findings.sql
--     duckdb < findings.sql
--
-- Where the files are: a path, a pattern, or a list of them.
SET VARIABLE records = 'incidents.parquet';

-- What differs from the command is said in the query of --sql=duckdb. Fields of newer versions are not kept.

-- The fields that count, of each record.
CREATE OR REPLACE TEMP VIEW forkwatch_lines AS
SELECT
    * REPLACE (
        from_json(locks, '[{"id": "VARCHAR", "name": "VARCHAR", "owner": "VARCHAR"}]') AS locks,
        from_json(lock, '{"id": "VARCHAR", "name": "VARCHAR", "owner": "VARCHAR"}') AS lock)
FROM read_parquet(getvariable('records'));

