//! One finding: its counts, and the same with its example, for showing it.

use std::ops::Deref;

use forkwatch_schema::kind::Severity;
use serde::Serialize;

use super::example::Example;
use super::gather::locks::LockSeen;
use super::gather::spot::Spot;
use super::locks::LockRow;

/// What became of the children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// At least one of them can never go on.
    Deadlock,
    /// All of them went on to exec.
    Exec,
    /// All of them are known to have ended or gone on to exec.
    Exit,
    /// Nothing is known about some of them.
    #[default]
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

/// One finding: all records of a fingerprint. Its example is read when it is shown: there may be as many as there are records.
#[derive(Clone, Debug, Default)]
pub struct Finding {
    /// The fingerprint.
    pub fingerprint: String,
    /// The kind's spelling, which may be a newer version's.
    pub kind: String,
    /// Raised to what the children proved, or lowered where all of them went on to exec.
    pub severity: Severity,
    /// The worst severity in its records.
    pub recorded: Severity,
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
    /// Where its example is.
    pub spot: Spot,
    /// The fingerprints that the children reported, worst first.
    pub followed_by: Vec<String>,
    /// Where and when; empty unless the format shows it.
    pub seen: Seen,
    /// The locks in its records: first those that hung a child.
    pub locks: Vec<LockSeen>,
    /// What one function calls that is not async-signal-safe, the earliest first.
    pub calls: Vec<String>,
}

/// Where and when a finding was seen, as far as counted: each with its number of records, in the order of the numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Hosts, by their numbers in [`super::shown::Names`].
    pub hosts: Vec<(u32, u64)>,
    /// Programs, by their numbers there.
    pub programs: Vec<(u32, u64)>,
    /// Hours since 1970, UTC.
    pub hours: Vec<(u32, u64)>,
}

/// A finding with its example.
#[derive(Debug)]
pub struct Whole<'report> {
    /// What was counted.
    pub finding: &'report Finding,
    /// One whole record.
    pub example: Example,
    /// What happened, in one line, where that takes more than the example.
    pub message: Option<String>,
    /// What to change.
    pub advice: Vec<String>,
    /// The locks in all of its records.
    pub locks: Vec<LockRow>,
}

impl Whole<'_> {
    /// What happened, in one line.
    pub fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_else(|| self.example.message())
    }
}

impl Deref for Whole<'_> {
    type Target = Finding;

    fn deref(&self) -> &Finding {
        self.finding
    }
}
