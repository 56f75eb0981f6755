-- forkwatch's records in ClickHouse: two tables, their maintenance, and the list of findings, worst first, as
-- `forkwatch report --format json` prints it. For ClickHouse 26. Create the tables once:
--
--     forkwatch report --sql=clickhouse > forkwatch.sql
--     clickhouse-client --multiquery < forkwatch.sql
--
-- Load records. Fields of newer versions are skipped, and so are invalid lines; a file that is loaded twice
-- counts twice:
--
--     cat incidents/*.jsonl | clickhouse-client \
--         --input_format_skip_unknown_fields=1 --input_format_allow_errors_ratio=1 --date_time_input_format=best_effort \
--         --query='INSERT INTO forkwatch_records FORMAT JSONEachRow'
--
-- Then query the list, the view forkwatch_report.
--
-- What differs from the command:
-- * among records of one level and time, the example is the first in alphabetical order; the command takes the first it reads;
-- * a line that was cut short may also lose the next one;
-- * `programs` are program files; the command also distinguishes two builds of one file under one fingerprint;
-- * beyond 262,144 processes the command no longer assigns repeats to findings; this list always does.

CREATE TABLE IF NOT EXISTS forkwatch_records
(
    -- In the order of the records.
    time DateTime64(9, 'UTC'),
    severity LowCardinality(String),
    schema LowCardinality(String),
    kind LowCardinality(String),
    fingerprint String,
    message String,
    host LowCardinality(String),
    pid Int64,
    ppid Int64,
    tid Int64,
    thread String,
    exe LowCardinality(String),
    argv Array(String),
    service LowCardinality(String),
    context String,
    -- Empty where no fork belongs to the record.
    fork_id String,
    -- Only some kinds have these. What is no scalar is kept as its JSON: JSONExtract... takes it apart.
    fork String,
    threads String,
    locks String,
    advice Array(String),
    call LowCardinality(String),
    lock String,
    blocking Bool,
    address String,
    object LowCardinality(String),
    parent_tids Array(Int64),
    stack String,
    python_stack String,
    library LowCardinality(String),
    phase LowCardinality(String),
    milliseconds UInt64,
    child_pid Int64,
    outcome LowCardinality(String),
    program String,
    forks UInt64,
    settled_forks UInt64,
    unsettled_forks UInt64,
    settle_max_us UInt64,
    settle_total_us UInt64,
    unsafe_forks UInt64,
    exec_bound_forks UInt64,
    by_kind Map(String, UInt64),
    suppressed UInt64,
    repeated UInt64,
    locks_dropped UInt64,
    truncated Array(String),
    -- INFO 0, WARN 1, ERROR 2, FATAL 3; a level of a newer version counts as INFO.
    level UInt8 MATERIALIZED transform(upper(severity), ['WARN', 'ERROR', 'FATAL'], [1, 2, 3], 0),
    -- What keeps the books is no finding.
    is_bookkeeping Bool MATERIALIZED kind IN ('summary', 'fork_outcome')
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (fingerprint, time);

-- Each fingerprint, from its own records only.
CREATE TABLE IF NOT EXISTS forkwatch_fingerprints
(
    fingerprint String,
    level AggregateFunction(max, UInt8),
    records AggregateFunction(count),
    hosts AggregateFunction(uniqExact, String),
    programs AggregateFunction(uniqExact, String),
    first AggregateFunction(min, DateTime64(9, 'UTC')),
    last AggregateFunction(max, DateTime64(9, 'UTC')),
    -- Of the worst records the earliest gives kind and message; the rest only makes the choice the same each time.
    example AggregateFunction(argMin, Tuple(String, String), Tuple(Int16, DateTime64(9, 'UTC'), String, String))
)
ENGINE = AggregatingMergeTree
ORDER BY fingerprint;

CREATE MATERIALIZED VIEW IF NOT EXISTS forkwatch_by_fingerprint TO forkwatch_fingerprints AS
SELECT
    records.fingerprint AS fingerprint,
    maxState(records.level) AS level,
    countState() AS records,
    uniqExactState(toString(records.host)) AS hosts,
    uniqExactState(toString(records.exe)) AS programs,
    minState(records.time) AS first,
    maxState(records.time) AS last,
    argMinState(
        (toString(records.kind), records.message),
        (toInt16(-toInt16(records.level)), records.time, toString(records.kind), records.message)) AS example
FROM forkwatch_records AS records
WHERE startsWith(records.schema, 'forkwatch/')
GROUP BY records.fingerprint;

-- What the child of each fork did. Parent and child are seldom in one block, so they are joined when the list is made.
CREATE TABLE IF NOT EXISTS forkwatch_forks
(
    -- An id is unique on its host.
    host String,
    fork_id String,
    is_exec SimpleAggregateFunction(max, UInt8),
    is_exit SimpleAggregateFunction(max, UInt8),
    worst SimpleAggregateFunction(max, UInt8)
)
ENGINE = AggregatingMergeTree
ORDER BY (host, fork_id);

CREATE MATERIALIZED VIEW IF NOT EXISTS forkwatch_by_fork TO forkwatch_forks AS
SELECT
    toString(records.host) AS host,
    records.fork_id AS fork_id,
    max(toUInt8(records.kind = 'fork_outcome' AND records.outcome = 'exec')) AS is_exec,
    max(toUInt8(records.kind = 'fork_outcome' AND records.outcome = 'exit')) AS is_exit,
    maxIf(records.level, records.kind != 'fork_outcome') AS worst
FROM forkwatch_records AS records
-- Most forks have only the parent's record, which says nothing about the child.
WHERE startsWith(records.schema, 'forkwatch/') AND records.fork_id != '' AND records.kind NOT IN ('unsafe_fork', 'summary')
GROUP BY host, fork_id;

CREATE VIEW IF NOT EXISTS forkwatch_report AS
WITH
known AS (
    SELECT
        fingerprint,
        argMinMerge(example) AS shown,
        maxMerge(level) AS own_level,
        countMerge(records) AS all_records,
        uniqExactMerge(hosts) AS all_hosts,
        uniqExactMerge(programs) AS all_programs,
        minMerge(first) AS first_time,
        maxMerge(last) AS last_time
    FROM forkwatch_fingerprints
    GROUP BY fingerprint
),
children AS (
    SELECT host, fork_id, max(is_exec) AS execs, max(is_exit) AS exits, max(worst) AS worst_level
    FROM forkwatch_forks
    GROUP BY host, fork_id
),
-- The same, for all records of a fingerprint.
fates AS (
    SELECT
        records.fingerprint AS fingerprint,
        countIf(children.execs = 1) AS all_execs,
        countIf(children.exits = 1 AND children.execs = 0) AS all_exits,
        maxIf(children.worst_level, records.kind = 'unsafe_fork') AS proven
    FROM forkwatch_records AS records
    INNER JOIN children ON toString(records.host) = children.host AND records.fork_id = children.fork_id
    WHERE NOT records.is_bookkeeping AND startsWith(records.schema, 'forkwatch/')
    GROUP BY records.fingerprint
),
-- Repeats are counted by each process, all its findings together: they belong to a finding if the process reported no other.
processes AS (
    SELECT
        host,
        pid,
        exe,
        uniqExactIf(fingerprint, NOT is_bookkeeping) AS told,
        anyIf(fingerprint, NOT is_bookkeeping) AS only_one,
        -- Of findings that another log took there may be no record, but a count.
        sumIf(
            repeated,
            kind = 'summary'
                AND arraySum(mapValues(mapFilter((name, n) -> name NOT IN ('summary', 'fork_outcome'), by_kind))) <= 1)
            AS all_repeated
    FROM forkwatch_records
    WHERE startsWith(schema, 'forkwatch/')
    GROUP BY host, pid, exe
),
repeats AS (
    SELECT only_one AS fingerprint, sum(all_repeated) AS again
    FROM processes
    WHERE told = 1
    GROUP BY only_one
),
-- Each lock in each record, once. Records of older versions give them no id.
lock_records AS (
    SELECT
        fingerprint, kind, level, time, host, fork_id,
        JSONExtractString(one, 'id') AS id,
        JSONExtract(one, 'name', 'Nullable(String)') AS name,
        JSONExtract(one, 'owner', 'Nullable(String)') AS owner
    FROM (
        SELECT
            fingerprint, kind, level, time, host, fork_id,
            arrayJoin(arrayFilter((id, position) -> position = indexOf(ids, id), ids, arrayEnumerate(ids))) AS id,
            all_locks[indexOf(ids, id)] AS one
        FROM (
            SELECT
                fingerprint, toString(kind) AS kind, level, time, toString(host) AS host, fork_id,
                if(kind = 'unsafe_fork', JSONExtractArrayRaw(locks), [lock]) AS all_locks,
                arrayMap(one -> JSONExtractString(one, 'id'), all_locks) AS ids
            FROM forkwatch_records
            WHERE startsWith(schema, 'forkwatch/')
                AND (kind = 'unsafe_fork' AND level >= 2 OR kind IN ('leaked_lock', 'orphaned_lock', 'possible_deadlock'))
        )
    )
    WHERE id != ''
),
-- A finding's locks: how often each was held or, as its own records or those of the children say, would hang a child or did.
lock_counts AS (
    SELECT
        fingerprint, id, name, owner, time,
        toInt64(kind != 'possible_deadlock') AS held,
        toInt64(kind = 'possible_deadlock') AS predicted,
        toInt64(kind = 'orphaned_lock' AND level = 3) AS hung,
        0 AS is_childs
    FROM lock_records
    UNION ALL
    SELECT
        parents.fingerprint AS fingerprint, children.id AS id, children.name AS name, children.owner AS owner,
        children.time AS time,
        toInt64(0) AS held,
        toInt64(children.kind = 'possible_deadlock') AS predicted,
        toInt64(children.kind = 'orphaned_lock' AND children.level = 3) AS hung,
        1 AS is_childs
    FROM forkwatch_records AS parents
    INNER JOIN lock_records AS children ON toString(parents.host) = children.host AND parents.fork_id = children.fork_id
    WHERE parents.kind = 'unsafe_fork' AND startsWith(parents.schema, 'forkwatch/')
        AND children.kind IN ('orphaned_lock', 'possible_deadlock') AND children.fork_id != ''
),
lock_tables AS (
    SELECT
        fingerprint,
        arraySort(
            lock -> (-lock.hung, -lock.predicted, -lock.held, lock.id),
            groupArray(CAST(
                (id, shown.1, shown.2, all_held, all_predicted, all_hung),
                'Tuple(id String, name Nullable(String), owner Nullable(String), held Int64, predicted Int64, hung Int64)')))
            AS locks
    FROM (
        SELECT
            fingerprint,
            id,
            -- Of the finding's own records the earliest.
            argMin((name, owner), (is_childs, time)) AS shown,
            sum(held) AS all_held,
            sum(predicted) AS all_predicted,
            sum(hung) AS all_hung
        FROM lock_counts
        GROUP BY fingerprint, id
    )
    GROUP BY fingerprint
),
-- Raised to what the children proved; lowered if every child is known to have gone on to exec without trouble.
judged AS (
    SELECT
        known.fingerprint AS fingerprint,
        known.shown AS shown,
        known.all_records AS all_records,
        known.all_hosts AS all_hosts,
        known.all_programs AS all_programs,
        known.first_time AS first_time,
        known.last_time AS last_time,
        fates.all_execs AS gone_on,
        fates.all_exits AS ended,
        known.all_records + repeats.again AS total,
        multiIf(
            known.shown.1 != 'unsafe_fork', known.own_level,
            fates.all_execs = known.all_records AND fates.proven < 2, 0,
            greatest(known.own_level, fates.proven)) AS judged_level
    FROM known
    LEFT JOIN fates ON fates.fingerprint = known.fingerprint
    LEFT JOIN repeats ON repeats.fingerprint = known.fingerprint
    WHERE known.shown.1 NOT IN ('summary', 'fork_outcome')
    -- A finding without children has 0 of them, whatever the server is set to.
    SETTINGS join_use_nulls = 0
)
SELECT
    judged.fingerprint AS fingerprint,
    judged.shown.1 AS kind,
    ['INFO', 'WARN', 'ERROR', 'FATAL'][judged_level + 1] AS severity,
    total AS count,
    all_hosts AS hosts,
    all_programs AS programs,
    concat(replaceOne(toString(first_time), ' ', 'T'), 'Z') AS first,
    concat(replaceOne(toString(last_time), ' ', 'T'), 'Z') AS last,
    multiIf(
        judged_level = 3, 'deadlock',
        gone_on = all_records, 'exec',
        gone_on + ended = all_records, 'exit',
        'unknown') AS outcome,
    lock_tables.locks AS locks,
    judged.shown.2 AS message
FROM judged
LEFT JOIN lock_tables ON lock_tables.fingerprint = judged.fingerprint
ORDER BY judged_level DESC, total DESC, last_time DESC, fingerprint;

SELECT * FROM forkwatch_report;
