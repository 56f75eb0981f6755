//! `forkwatch report --sql`: a database gives the same list as the command.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Call, Detail, LeakedLock, Lock, Outcome, Record, Summary};
use serde_json::{Map, Value};

use super::records::{line, lines, lock, orphaned_lock, outcome, record, unsafe_fork};
use super::stderr;
use crate::command::{forkwatch, refusal, run, stdout};
use crate::support::pythons;

/// Records that `scripts/make-records` makes.
const MADE: &str = "20000";

/// What a query gives of each finding; `message` is its example's.
const FIELDS: &[&str] = &[
    "fingerprint",
    "kind",
    "severity",
    "count",
    "hosts",
    "programs",
    "first",
    "last",
    "outcome",
];

/// What it gives of each lock.
const LOCK_FIELDS: &[&str] = &["id", "name", "owner", "held", "predicted", "hung"];

fn at(time: &str, record: Record) -> Record {
    Record {
        time: format!("2026-11-21T{time}Z"),
        ..record
    }
}

fn on(host: &str, pid: i32, record: Record) -> Record {
    Record {
        host: host.into(),
        pid,
        ..record
    }
}

/// A child's finding that is not fatal.
fn call(fingerprint: u64, severity: Severity, fork_id: &str) -> Record {
    let detail = Call {
        call: "pthread_create".into(),
        library: None,
        stack: vec![],
        python_stack: None,
    };
    Record {
        fork_id: Some(fork_id.into()),
        ..record(Kind::ThreadAfterFork, severity, fingerprint, Detail::Call(detail))
    }
}

fn summary(host: &str, pid: i32, repeated: u64, reported: &[(&str, u64)]) -> Record {
    let detail = Summary {
        repeated,
        by_kind: reported
            .iter()
            .map(|(kind, count)| ((*kind).to_owned(), *count))
            .collect::<BTreeMap<_, _>>(),
        ..Summary::default()
    };
    on(
        host,
        pid,
        record(Kind::Summary, Severity::Info, 901, Detail::Summary(detail)),
    )
}

/// Forks whose children do all that raises or lowers their severity.
fn forks() -> Vec<Record> {
    let fork = |fingerprint, id: &str| unsafe_fork(fingerprint, 10, id, vec![]);
    let locked = |fingerprint, id: &str| unsafe_fork(fingerprint, 10, id, vec![lock()]);
    let no_id = |record: Record| Record {
        fork_id: None,
        ..record
    };
    let elsewhere = |record| on("node-2", 42, record);
    vec![
        // One of two children hangs.
        fork(1, "1-a"),
        at("04:00:00.000000001", fork(1, "1-b")),
        orphaned_lock(2, "1-b"),
        // All go on to exec; a child that first reports something mild is no worse.
        locked(3, "3-a"),
        outcome("3-a", Outcome::Exec),
        locked(4, "4-a"),
        call(5, Severity::Warn, "4-a"),
        outcome("4-a", Outcome::Exec),
        // Exec, but after an error.
        fork(6, "6-a"),
        call(7, Severity::Error, "6-a"),
        outcome("6-a", Outcome::Exec),
        // All end; some end and the others exec; one does both.
        fork(8, "8-a"),
        outcome("8-a", Outcome::Exit),
        fork(9, "9-a"),
        fork(9, "9-b"),
        fork(9, "9-c"),
        outcome("9-a", Outcome::Exit),
        outcome("9-b", Outcome::Exec),
        outcome("9-c", Outcome::Exit),
        outcome("9-c", Outcome::Exec),
        // Of one nothing is known: it is on another host, or its record names no fork.
        fork(10, "10-a"),
        fork(10, "10-b"),
        outcome("10-a", Outcome::Exec),
        elsewhere(outcome("10-b", Outcome::Exec)),
        fork(11, "11-a"),
        no_id(fork(11, "")),
        outcome("11-a", Outcome::Exec),
        no_id(outcome("", Outcome::Exec)),
        // The same fork reported twice, with two fingerprints.
        fork(12, "12-a"),
        locked(13, "12-a"),
        orphaned_lock(14, "12-a"),
        // A child's finding without its parent's.
        call(15, Severity::Error, "15-a"),
        outcome("15-a", Outcome::Exit),
    ]
}

/// Locks of one line, held, tried and met by children.
fn locks() -> Vec<Record> {
    let one = |id: &str, owner: &str| Lock {
        id: Some(id.into()),
        name: (id < "c").then(|| format!("lock {id}")),
        owner: Some(owner.into()),
        ..lock()
    };
    let (first, second) = (one("00000000000000a1", "keeper"), one("c0000000000000b2", "filler"));
    let old = Lock { id: None, ..lock() };
    let fork = |time: &str, id: &str, locks: &[&Lock]| {
        let locks = locks.iter().map(|&lock| lock.clone()).collect();
        at(time, unsafe_fork(50, 10, id, locks))
    };
    let met = |fingerprint, fork_id: &str, lock: &Lock, severity| {
        let mut record = orphaned_lock(fingerprint, fork_id);
        record.severity = severity;
        if let Detail::OrphanedLock(detail) = &mut record.detail {
            detail.lock = lock.clone();
        }
        record
    };
    let leaked = LeakedLock { lock: second.clone() };
    let unseen = one("00000000000000e5", "other");
    vec![
        fork("06:00:00.000000000", "50-a", &[]),
        fork("06:00:00.000000002", "50-b", &[&first, &second, &first]),
        fork(
            "06:00:00.000000001",
            "50-c",
            &[&one("00000000000000a1", "earlier"), &old],
        ),
        // Children of one fork may be many.
        met(51, "50-b", &first, Severity::Fatal),
        met(51, "50-b", &first, Severity::Fatal),
        met(52, "50-c", &second, Severity::Error),
        met(53, "50-a", &unseen, Severity::Fatal),
        met(54, "50-a", &old, Severity::Fatal),
        met(55, "no parent", &first, Severity::Fatal),
        record(Kind::LeakedLock, Severity::Warn, 56, Detail::LeakedLock(leaked)),
    ]
}

/// Fingerprints of which records differ, and repeats.
fn groups() -> Vec<Record> {
    let leaked = |fingerprint, severity, message: &str| Record {
        message: message.into(),
        ..call(fingerprint, severity, "none")
    };
    let of = |exe: &str, record: Record| Record {
        exe: exe.into(),
        ..record
    };
    vec![
        // The earliest of the worst is shown.
        at("01:00:00.000000000", leaked(20, Severity::Warn, "early")),
        at("03:00:00.999999999", leaked(20, Severity::Error, "late")),
        at(
            "02:00:00.000000002",
            leaked(20, Severity::Error, "shown \"caf\u{e9}\"\t\\ \u{1f512}"),
        ),
        at("02:00:00.000000003", leaked(20, Severity::Error, "a")),
        of("/bin/other", on("node-3", 7, leaked(20, Severity::Info, "elsewhere"))),
        // Of one time, the query takes the first in the alphabet and the command the first that it reads: here both are one.
        leaked(21, Severity::Warn, "a"),
        leaked(21, Severity::Warn, "b"),
        // Repeats of the only finding, in two summaries; of one of two; of one with another log's; of none.
        on("repeats", 1, leaked(22, Severity::Warn, "only")),
        summary(
            "repeats",
            1,
            10,
            &[("thread_after_fork", 1), ("fork_outcome", 5), ("summary", 1)],
        ),
        summary("repeats", 1, 5, &[]),
        at(
            "05:00:00.000000000",
            on("repeats", 2, leaked(22, Severity::Warn, "one")),
        ),
        on("repeats", 2, leaked(23, Severity::Warn, "two")),
        summary("repeats", 2, 100, &[("thread_after_fork", 1)]),
        on("repeats", 3, leaked(24, Severity::Warn, "beside")),
        summary("repeats", 3, 1000, &[("thread_after_fork", 1), ("unsafe_fork", 1)]),
        summary("repeats", 4, 10_000, &[("thread_after_fork", 1)]),
        of("/bin/other", summary("repeats", 1, 20, &[])),
    ]
}

/// Lines of other writers, and some that hold no record.
const OTHERS: &str = r#"{"kind":"new_kind","later":{"a":[1]},"fingerprint":"x","schema":"forkwatch/2","host":"\u0061","pid":7,"severity":"fatal","time":"2026-11-21T04:12:45+01:00"}
{"kind":"new_kind","fingerprint":"y","schema":"forkwatch/2","severity":"LOUD","exe":null,"fork_id":null,"message":"m"}

{"a":1}
{"schema":"other/1","kind":"unsafe_fork","fingerprint":"z"}
{"schema":"forkwatch/1","kind":
no JSON
"#;

/// Makes a folder `incidents` with records.
fn write_records(folder: &Path) {
    let incidents = folder.join("incidents");
    fs::create_dir(&incidents).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/make-records");
    let made = Command::new(script)
        .arg(MADE)
        .arg(incidents.join("many.jsonl"))
        .status();
    assert!(made.unwrap().success());
    // The children's halves come first: in what order records are read must not matter.
    let (children, parents): (Vec<_>, Vec<_>) = forks().into_iter().partition(|record| record.kind != Kind::UnsafeFork);
    fs::write(incidents.join("children.jsonl"), lines(&children)).unwrap();
    fs::write(incidents.join("parents.jsonl"), lines(&parents)).unwrap();
    // A last line may lack its end.
    let last = line(&call(30, Severity::Warn, "30-a"));
    fs::write(
        incidents.join("others.jsonl"),
        lines(&groups()) + &lines(&locks()) + OTHERS + last.trim_end(),
    )
    .unwrap();
}

/// The findings as the command prints them, with the fields that a query gives.
fn reported(folder: &Path) -> Vec<Value> {
    // More than a pipe holds.
    let output = forkwatch(&["report", "--format", "json"])
        .arg(folder.join("incidents"))
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let one = |finding: &Value| {
        let mut row: Map<String, Value> = FIELDS
            .iter()
            .map(|field| ((*field).to_owned(), finding[*field].clone()))
            .collect();
        let message = finding["example"]["message"].as_str().unwrap_or_default();
        row.insert("message".to_owned(), message.into());
        let locks = finding["locks"].as_array().unwrap().iter().map(|lock| {
            let fields = LOCK_FIELDS
                .iter()
                .map(|field| ((*field).to_owned(), lock[*field].clone()));
            Value::Object(fields.collect())
        });
        row.insert("locks".to_owned(), locks.collect());
        Value::Object(row)
    };
    report["findings"].as_array().unwrap().iter().map(one).collect()
}

/// Compares a database's list with the command's, where the Python package that carries the database can be had.
fn same_list(database: &str, package: &str) {
    let python = match pythons::with_package(package) {
        Ok(python) => python,
        Err(why) => {
            println!("skipped: no {database} to ask: {why}");
            return;
        }
    };
    let folder = tempfile::tempdir().unwrap();
    write_records(folder.path());
    let query = folder.path().join("query.sql");
    let printed = run(forkwatch(&["report", &format!("--sql={database}"), "--output"]).arg(&query));
    assert!(printed.status.success() && stdout(&printed).is_empty());
    let output = Command::new(&python.path)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report/sql.py"))
        .arg(database)
        .current_dir(folder.path())
        .stdin(fs::File::open(&query).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let expected = reported(folder.path());
    assert!(expected.len() > 2000, "{}", expected.len());
    for (row, finding) in rows.iter().zip(&expected) {
        assert_eq!(row, finding);
    }
    assert_eq!(rows.len(), expected.len());
}

#[test]
fn duckdb_gives_the_same_list() {
    same_list("duckdb", "duckdb");
}

#[test]
fn parquet_files_give_the_same_list() {
    same_list("parquet", "duckdb");
}

#[test]
fn clickhouse_gives_the_same_list() {
    if env::var_os("CI").is_none() {
        println!("skipped: installs 700 MB of ClickHouse; with CI=true it is asked");
        return;
    }
    same_list("clickhouse", "chdb");
}

#[test]
fn a_query_needs_no_path_and_takes_none() {
    let alone = stdout(&run(&mut forkwatch(&["report", "--sql"])));
    assert_eq!(alone, stdout(&run(&mut forkwatch(&["report", "--sql=duckdb"]))));
    assert!(alone.contains("SET VARIABLE records = "), "{alone}");
    let clickhouse = stdout(&run(&mut forkwatch(&["report", "--sql=clickhouse"])));
    assert!(clickhouse.contains("ENGINE = AggregatingMergeTree"), "{clickhouse}");
    // What would be left undone is refused.
    for more in [
        "records.jsonl",
        "--since=3d",
        "--format=json",
        "--fail-on=warn",
        "--gen-suppressions",
    ] {
        let said = refusal(&mut forkwatch(&["report", "--sql", more]), 2);
        assert!(said.contains("--sql") && said.contains("cannot be used with"), "{said}");
    }
}
