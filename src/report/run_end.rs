//! The findings of one run, for the summary at its end.

use std::ffi::OsString;
use std::path::PathBuf;

use forkwatch_schema::kind::Severity;
use forkwatch_schema::record::Record;
use forkwatch_text::harmless::harmless;

use super::{gather, place, read_all, symbols};
use crate::symbols::Sources;

/// One finding of a run.
#[derive(Debug)]
pub struct RunFinding {
    /// Raised and lowered by what the children did.
    pub severity: Severity,
    /// The worst severity in its records.
    pub recorded: Severity,
    /// The kind's spelling.
    pub kind: String,
    /// The fingerprint.
    pub fingerprint: String,
    /// Records, and repeats that summaries count.
    pub count: u64,
    /// What happened, in one line.
    pub message: String,
    /// Where, in the user's own code: `send (shop.c:27)`.
    pub place: Option<String>,
    /// The record that is shown; `None` where another version wrote it.
    pub record: Option<Record>,
}

/// The findings in this file of records, worst first.
pub fn findings(records: PathBuf) -> Vec<RunFinding> {
    let paths = [OsString::from(records)];
    let (mut report, _problems) = read_all(paths.iter(), &gather::Wanted::default(), None);
    report.examples.known = symbols::look_up(&report.findings, &report.examples, &Sources::default());
    let of = |finding| {
        let whole = report.example(finding);
        RunFinding {
            severity: whole.severity,
            recorded: whole.recorded,
            kind: whole.kind.clone(),
            fingerprint: whole.fingerprint.clone(),
            count: whole.count,
            message: harmless(whole.message()).into_owned(),
            place: place::of_finding(&whole).map(|place| harmless(&place.in_words()).into_owned()),
            record: whole.example.record,
        }
    };
    report.findings.iter().map(of).collect()
}

impl RunFinding {
    /// Whether a record of `ERROR` or worse was written, whatever became of the children.
    pub fn is_bad(&self) -> bool {
        self.recorded >= Severity::Error
    }
}
