-- The same of the fields of each record, whatever they were read from.
CREATE OR REPLACE TEMP VIEW forkwatch_records AS
SELECT
    -- Nanoseconds since 1970: DuckDB's own times with a time zone end at microseconds. No time is older than all.
    greatest(0, coalesce(
        CASE WHEN time LIKE '%Z' THEN epoch_ns(try_cast(time AS TIMESTAMP_NS))
             ELSE epoch_us(try_cast(time AS TIMESTAMPTZ)) * 1000 END,
        0)) AS nanoseconds,
    -- INFO 0, WARN 1, ERROR 2, FATAL 3; a level of a newer version counts as INFO.
    greatest(0, list_position(['INFO', 'WARN', 'ERROR', 'FATAL'], upper(coalesce(severity, ''))) - 1) AS level,
    kind,
    fingerprint,
    coalesce(message, '') AS message,
    coalesce(host, '') AS host,
    pid,
    coalesce(exe, '') AS exe,
    fork_id,
    outcome,
    coalesce(repeated, 0) AS repeated,
    by_kind,
    -- The locks that another thread held, or the one that the record is about. Records of older versions give them no id.
    CASE WHEN kind = 'unsafe_fork' AND level >= 2 THEN locks
         WHEN kind IN ('leaked_lock', 'orphaned_lock', 'possible_deadlock') THEN [lock] END AS locks,
    -- What keeps the books is no finding.
    kind IN ('summary', 'fork_outcome') AS is_bookkeeping
FROM forkwatch_lines
WHERE schema LIKE 'forkwatch/%' AND kind IS NOT NULL AND fingerprint IS NOT NULL;

WITH groups AS (
    SELECT
        fingerprint,
        -- Of the worst records the earliest gives kind and message; the rest only makes the choice the same each time.
        arg_min({kind: kind, message: message}, (-level, nanoseconds, kind, message)) AS example,
        max(level) AS level,
        count(*) AS records,
        count(DISTINCT host) AS hosts,
        count(DISTINCT exe) AS programs,
        min(nanoseconds) AS first,
        max(nanoseconds) AS last
    FROM forkwatch_records
    GROUP BY fingerprint
),
-- What the child of each fork did. An id is unique on its host.
forks AS (
    SELECT
        host,
        fork_id,
        bool_or(kind = 'fork_outcome' AND coalesce(outcome = 'exec', false)) AS is_exec,
        bool_or(kind = 'fork_outcome' AND coalesce(outcome = 'exit', false)) AS is_exit,
        max(level) FILTER (NOT is_bookkeeping AND kind <> 'unsafe_fork') AS worst
    FROM forkwatch_records
    WHERE fork_id IS NOT NULL
    GROUP BY host, fork_id
),
-- The same, for all records of a fingerprint.
fates AS (
    SELECT
        fingerprint,
        count(*) FILTER (is_exec) AS execs,
        count(*) FILTER (is_exit AND NOT is_exec) AS exits,
        max(worst) FILTER (kind = 'unsafe_fork') AS worst
    FROM forkwatch_records
    JOIN forks USING (host, fork_id)
    WHERE NOT is_bookkeeping
    GROUP BY fingerprint
),
-- Repeats are counted by each process, all its findings together: they belong to a finding if the process reported no other.
processes AS (
    SELECT host, pid, exe, min(fingerprint) AS fingerprint
    FROM forkwatch_records
    WHERE NOT is_bookkeeping
    GROUP BY host, pid, exe
    HAVING count(DISTINCT fingerprint) = 1
),
repeats AS (
    SELECT processes.fingerprint, sum(summaries.repeated) AS repeated
    FROM forkwatch_records AS summaries
    JOIN processes
        ON processes.host = summaries.host
        AND processes.exe = summaries.exe
        AND processes.pid IS NOT DISTINCT FROM summaries.pid
    WHERE summaries.kind = 'summary'
        -- Of findings that a suppression or another log took there may be no record, but a count.
        AND coalesce(list_sum(list_transform(
            list_filter(map_entries(summaries.by_kind), lambda told: told.key NOT IN ('summary', 'fork_outcome')),
            lambda told: told.value)), 0) <= 1
    GROUP BY processes.fingerprint
),
-- Each lock in each record, once.
lock_records AS (
    SELECT
        fingerprint, kind, level, nanoseconds, host, fork_id,
        lock.id AS id,
        lock.name AS name,
        lock.owner AS owner
    FROM (
        SELECT
            * EXCLUDE (locks),
            unnest(list_filter(locks, lambda one, position:
                position = list_position(list_transform(locks, lambda other: other.id), one.id))) AS lock
        FROM forkwatch_records
        WHERE locks IS NOT NULL
    )
    WHERE lock.id IS NOT NULL
),
-- A finding's locks: how often each was held or, as its own records or those of the children say, would hang a child or did.
lock_counts AS (
    SELECT
        fingerprint, id, name, owner, nanoseconds,
        (kind <> 'possible_deadlock')::BIGINT AS held,
        (kind = 'possible_deadlock')::BIGINT AS predicted,
        (kind = 'orphaned_lock' AND level = 3)::BIGINT AS hung,
        0 AS is_childs
    FROM lock_records
    UNION ALL
    SELECT
        parents.fingerprint, children.id, children.name, children.owner, children.nanoseconds,
        0, (children.kind = 'possible_deadlock')::BIGINT, (children.kind = 'orphaned_lock' AND children.level = 3)::BIGINT, 1
    FROM forkwatch_records AS parents
    JOIN lock_records AS children USING (host, fork_id)
    WHERE parents.kind = 'unsafe_fork' AND children.kind IN ('orphaned_lock', 'possible_deadlock')
),
lock_tables AS (
    SELECT
        fingerprint,
        list({id: id, name: name, owner: owner, held: held, predicted: predicted, hung: hung}
             ORDER BY hung DESC, predicted DESC, held DESC, id) AS locks
    FROM (
        SELECT
            fingerprint,
            id,
            -- Of the finding's own records the earliest.
            arg_min_null(name, (is_childs, nanoseconds)) AS name,
            arg_min_null(owner, (is_childs, nanoseconds)) AS owner,
            sum(held)::BIGINT AS held,
            sum(predicted)::BIGINT AS predicted,
            sum(hung)::BIGINT AS hung
        FROM lock_counts
        GROUP BY fingerprint, id
    )
    GROUP BY fingerprint
),
-- Raised to what the children proved; lowered if every child is known to have gone on to exec without trouble.
judged AS (
    SELECT
        groups.* EXCLUDE (level),
        coalesce(execs, 0) AS execs,
        coalesce(exits, 0) AS exits,
        coalesce(repeated, 0) AS repeated,
        CASE WHEN example.kind <> 'unsafe_fork' THEN level
             WHEN coalesce(execs, 0) = records AND coalesce(worst, 0) < 2 THEN 0
             ELSE greatest(level, coalesce(worst, 0)) END AS level
    FROM groups
    LEFT JOIN fates USING (fingerprint)
    LEFT JOIN repeats USING (fingerprint)
    WHERE example.kind NOT IN ('summary', 'fork_outcome')
)
SELECT
    fingerprint,
    example.kind AS kind,
    ['INFO', 'WARN', 'ERROR', 'FATAL'][level + 1] AS severity,
    (records + repeated)::BIGINT AS count,
    hosts,
    programs,
    strftime(make_timestamp(first // 1000), '%Y-%m-%dT%H:%M:%S.') || lpad((first % 1000000000)::VARCHAR, 9, '0') || 'Z'
        AS first,
    strftime(make_timestamp(last // 1000), '%Y-%m-%dT%H:%M:%S.') || lpad((last % 1000000000)::VARCHAR, 9, '0') || 'Z'
        AS last,
    CASE WHEN level = 3 THEN 'deadlock'
         WHEN execs = records THEN 'exec'
         WHEN execs + exits = records THEN 'exit'
         ELSE 'unknown' END AS outcome,
    coalesce(locks, []) AS locks,
    example.message AS message
FROM judged
LEFT JOIN lock_tables USING (fingerprint)
ORDER BY judged.level DESC, records + repeated DESC, judged.last DESC, fingerprint;
