//! The records of a run, read as any user would.

use std::path::Path;

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, LeakedLock, Record, Summary, UnsafeFork};
use serde_json::Value;

/// One line of a log.
#[derive(Clone, Debug)]
pub struct Line {
    pub text: String,
    pub kind: Kind,
    pub severity: Severity,
    /// The whole record, where its kind's fields are known to the schema.
    pub record: Option<Record>,
}

impl Line {
    fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("no JSON ({error}): {text}"))?;
        let word = |key: &str| value[key].as_str().ok_or(format!("no {key}: {text}"));
        let kind = Kind::parse(word("kind")?).ok_or(format!("no known kind: {text}"))?;
        let severity = Severity::parse(word("severity")?).ok_or(format!("no known severity: {text}"))?;
        let record = match serde_json::from_str::<Record>(text) {
            Ok(record) => Some(record),
            Err(error) if [Kind::UnsafeFork, Kind::LeakedLock, Kind::Summary].contains(&kind) => {
                return Err(format!("no record ({error}): {text}"));
            }
            Err(_) => None,
        };
        let line = Self {
            text: text.to_owned(),
            kind,
            severity,
            record,
        };
        line.is_sound().map_err(|error| format!("{error}: {text}"))?;
        Ok(line)
    }

    /// What every record must be, whatever it tells.
    fn is_sound(&self) -> Result<(), String> {
        let demand = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
        demand(self.text.starts_with("{\"time\":\""), "time is not the first key")?;
        demand(
            self.text.len() < forkwatch_schema::record::MAX_RECORD_BYTES,
            "longer than the longest record",
        )?;
        let Some(record) = &self.record else { return Ok(()) };
        demand(record.schema == forkwatch_schema::SCHEMA, "another schema")?;
        let hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        demand(
            record.fingerprint.len() == 16 && hex(&record.fingerprint),
            "the fingerprint is not 16 hex digits",
        )?;
        demand(
            record.time.len() == 30 && record.time.ends_with('Z'),
            "the time is not RFC 3339 UTC with nanoseconds",
        )?;
        demand(
            record.pid > 0 && record.tid > 0 && record.ppid >= 0,
            "ids that cannot be",
        )?;
        if let Detail::UnsafeFork(fork) = &record.detail {
            let right = if fork.locks.is_empty() {
                Severity::Warn
            } else {
                Severity::Error
            };
            demand(self.severity == right, "WARN is for no lock, ERROR for one")?;
            demand(!fork.threads.is_empty(), "no thread is alive")?;
            demand(record.fork_id.is_some(), "no fork_id")?;
            demand(!fork.fork.exec_bound, "an exec-bound fork is none of our business")?;
        }
        Ok(())
    }

    pub fn unsafe_fork(&self) -> Option<&UnsafeFork> {
        match &self.record.as_ref()?.detail {
            Detail::UnsafeFork(fork) => Some(fork),
            _ => None,
        }
    }

    pub fn leaked_lock(&self) -> Option<&LeakedLock> {
        match &self.record.as_ref()?.detail {
            Detail::LeakedLock(leak) => Some(leak),
            _ => None,
        }
    }

    pub fn summary(&self) -> Option<&Summary> {
        match &self.record.as_ref()?.detail {
            Detail::Summary(summary) => Some(summary),
            _ => None,
        }
    }
}

/// Reads a log; there is none where nothing was told.
pub fn read(path: &Path) -> Result<Vec<Line>, String> {
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|error| format!("{}: {error}", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    text.lines().map(Line::parse).collect()
}
