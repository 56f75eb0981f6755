//! One finding, as the formats show it.

use forkwatch_schema::kind::Severity;
use forkwatch_schema::record::{Detail, Record, UnsafeFork};
use serde::{Deserialize, Serialize};

/// What became of the children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// At least one of them can never go on.
    Deadlock,
    /// All of them went on to exec.
    Exec,
    /// All of them are known to have ended, or some of them and the others to have gone on to exec.
    Exit,
    /// Of some nothing is known.
    Unknown,
}

impl Outcome {
    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deadlock => "deadlock",
            Self::Exec => "exec",
            Self::Exit => "exit",
            Self::Unknown => "unknown",
        }
    }
}

/// One finding: all records of a fingerprint.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The fingerprint.
    pub fingerprint: String,
    /// The kind's spelling, which may be a newer version's.
    pub kind: String,
    /// Raised to what the children proved, or lowered where all of them went on to exec.
    pub severity: Severity,
    /// Records, and repeats that summaries count.
    pub count: u64,
    /// Distinct hosts.
    pub hosts: u64,
    /// Distinct programs.
    pub programs: u64,
    /// The earliest record.
    pub first: String,
    /// The latest record.
    pub last: String,
    /// What became of the children.
    pub outcome: Outcome,
    /// One whole record.
    pub example: Example,
    /// The fingerprints that the children reported, worst first.
    pub followed_by: Vec<String>,
    /// What to change.
    pub advice: Vec<String>,
    /// Where and when; empty unless the format shows it.
    pub seen: Seen,
}

/// Where and when a finding was seen, as far as it was counted: each with its number of records, in the order of the numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Hosts, by their numbers in [`super::format::Names`].
    pub hosts: Vec<(u32, u64)>,
    /// Programs, by their numbers there.
    pub programs: Vec<(u32, u64)>,
    /// Hours since 1970, UTC.
    pub hours: Vec<(u32, u64)>,
}

/// One record, as it was read and as far as this version knows it.
#[derive(Clone, Debug)]
pub struct Example {
    /// The line.
    pub line: String,
    /// Its fields; `None` where it lacks some that this version asks for.
    pub record: Option<Record>,
    /// Its scalars, which are there in either case.
    pub scalars: Scalars,
}

/// What a reader is told of a record that could not be understood whole.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Scalars {
    /// One line for people.
    pub message: String,
    /// Who wrote it.
    pub host: String,
    /// Its program.
    pub exe: String,
    /// What the user copied into it.
    pub context: Option<String>,
}

impl Example {
    /// The example in a line that is known to hold a record; `None` where its JSON is damaged after all.
    pub fn new(line: Vec<u8>) -> Option<Self> {
        let line = String::from_utf8(line).ok()?;
        // A field of another type than ours must not hide the others: the line is then shown without them.
        let value: serde_json::Value = serde_json::from_str(&line).ok()?;
        let scalars = Scalars::deserialize(&value).unwrap_or_default();
        Some(Self {
            record: serde_json::from_str(&line).ok(),
            scalars,
            line,
        })
    }

    /// The record's own fields.
    pub fn detail(&self) -> Option<&Detail> {
        self.record.as_ref().map(|record| &record.detail)
    }

    /// The fields of an `unsafe_fork`.
    pub fn unsafe_fork(&self) -> Option<&UnsafeFork> {
        match self.detail() {
            Some(Detail::UnsafeFork(fork)) => Some(fork),
            _ => None,
        }
    }
}

impl Finding {
    /// What happened, in one line.
    pub fn message(&self) -> &str {
        match self.example.scalars.message.as_str() {
            "" => "a record without a message",
            message => message,
        }
    }
}
