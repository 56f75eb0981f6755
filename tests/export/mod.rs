//! `forkwatch export`, as real processes, with receivers of our own and real ones.

mod counts;
mod crash;
mod follow;
mod patience;
mod real;
mod receiver;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Outcome, Record};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::command::forkwatch;
use crate::report::records::{line, lock, orphaned_lock, outcome, unsafe_fork};

/// Far longer than anything takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// A folder with logs and with the positions.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        Self { folder }
    }

    fn logs(&self) -> PathBuf {
        self.folder.path().join("logs")
    }

    fn log(&self, name: &str) -> PathBuf {
        self.logs().join(name)
    }

    fn positions(&self) -> PathBuf {
        self.folder.path().join("positions.json")
    }

    /// The command, for all logs.
    fn export(&self, format: &str, options: &[&str]) -> Command {
        let mut command = forkwatch(&["export", "--format", format]);
        command.args(options).arg(self.logs());
        command
    }

    /// The same to a receiver, with positions.
    fn send(&self, format: &str, to: &str, options: &[&str]) -> Command {
        let mut command = forkwatch(&["export", "--format", format, "--to", to]);
        command
            .arg("--positions")
            .arg(self.positions())
            .args(options)
            .arg(self.logs());
        command
    }
}

/// A record that differs from all with another number.
fn numbered(number: usize) -> Record {
    let record = match number % 5 {
        0 => outcome(&format!("{number}-a"), Outcome::Exec),
        1 => orphaned_lock(1 + (number % 7) as u64, &format!("{number}-a")),
        2 => unsafe_fork(10 + (number % 3) as u64, 7, &format!("{number}-a"), vec![lock()]),
        _ => unsafe_fork(20 + (number % 4) as u64, 9, &format!("{number}-a"), vec![]),
    };
    Record {
        time: format!("2026-11-21T03:12:45.{number:09}Z"),
        pid: 40 + i32::try_from(number % 3).unwrap(),
        ..record
    }
}

fn numbers(range: std::ops::Range<usize>) -> String {
    range.map(|number| line(&numbered(number))).collect()
}

fn append(path: &Path, text: &str) {
    File::options()
        .append(true)
        .create(true)
        .open(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// What the command said, after checking its status.
fn said(output: &Output, code: i32) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// Waits until something is so that another process or thread brings about.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ends a command by a signal, and returns its output.
fn ended_by(child: Child, signal: Signal) -> Output {
    kill_process(Pid::from_child(&child), signal).unwrap();
    child.wait_with_output().unwrap()
}

/// The log records of a request.
fn log_records(body: &[u8]) -> Vec<LogRecord> {
    let request = ExportLogsServiceRequest::decode(body).unwrap();
    let scopes = request.resource_logs.into_iter().flat_map(|logs| logs.scope_logs);
    scopes.flat_map(|scope| scope.log_records).collect()
}

/// A log record's attribute that is a text.
fn attribute(record: &LogRecord, key: &str) -> String {
    let found = record.attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.clone()?.value) {
        Some(Any::StringValue(text)) => text,
        other => panic!("{key}: {other:?}"),
    }
}

/// The id of a log record.
fn id(record: &LogRecord) -> String {
    attribute(record, "log.record.uid")
}

#[test]
fn what_cannot_be_done_is_said_in_a_sentence() {
    let place = Place::new();
    fs::write(place.log("a.jsonl"), numbers(0..3)).unwrap();
    for (format, to, expected) in [
        (
            "otlp",
            "localhost:4318",
            "for otlp, give the http:// or https:// URL of a collector",
        ),
        ("ecs", "/var/log", "for ecs, give the URL of Elasticsearch"),
        (
            "sentry",
            "https://sentry.example/1",
            "for sentry, give the DSN of a project",
        ),
        (
            "journald",
            "http://localhost",
            "for journald, give `journald` or the path",
        ),
        (
            "prometheus",
            "/tmp/counts.txt",
            "for prometheus, give the URL of a Pushgateway, or a file",
        ),
    ] {
        let said = said(&output(&mut place.send(format, to, &[])), 2);
        assert!(
            said.starts_with("forkwatch: --to ") && said.contains(expected),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let said_of = |options: &[&str]| said(&output(&mut place.export("ecs", options)), 2);
    assert!(said_of(&["--kind", "unsafe_frok"]).contains("the nearest is 'unsafe_fork'"));
    assert!(said_of(&["--to", "http://h", "--header", "x"]).contains("not a header; write it as NAME:VALUE"));
    assert!(said_of(&["--patience", "soon", "--to", "http://h"]).contains("not a length of time"));
    assert!(said_of(&["--positions", "x"]).contains("--to"));
    let counts = said(&output(&mut place.export("prometheus", &["--follow"])), 2);
    assert!(counts.contains("give --to"), "{counts}");
    // Nobody listens there.
    let nobody = place
        .send("otlp", "http://127.0.0.1:9", &["--patience", "1s"])
        .output()
        .unwrap();
    let nobody = said(&nobody, 125);
    assert!(
        nobody.contains("http://127.0.0.1:9 does not take the records: "),
        "{nobody}"
    );
    assert!(
        nobody.contains("refused") && nobody.contains("the next export goes on behind"),
        "{nobody}"
    );
}

#[test]
fn the_kinds_are_those_of_the_test() {
    let kinds: Vec<Kind> = (0..5).map(|number| numbered(number).kind).collect();
    assert!(kinds.contains(&Kind::ForkOutcome) && kinds.contains(&Kind::OrphanedLock));
    assert!((0..5).any(|number| numbered(number).severity == Severity::Error));
}
