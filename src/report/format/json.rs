//! One object with everything, for scripts; the keys and their order are stable.

use std::io::{self, Write};

use forkwatch_schema::harmless::Harmless;
use forkwatch_text::Style;
use serde::ser::{Error, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::report::finding::{Outcome, Whole};
use crate::report::locks::LockRow;
use crate::report::shown::Report;

#[derive(Serialize)]
struct Object<'report> {
    files: u64,
    records: u64,
    broken: u64,
    findings: Findings<'report>,
}

/// Each is read when it is written.
struct Findings<'report>(&'report Report);

impl Serialize for Findings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(report) = self;
        let mut list = serializer.serialize_seq(Some(report.whole().len()))?;
        for finding in report.whole() {
            let finding = report.example(finding);
            list.serialize_element(&one(&finding).map_err(S::Error::custom)?)?;
        }
        list.end()
    }
}

#[derive(Serialize)]
struct One<'report> {
    fingerprint: &'report str,
    kind: &'report str,
    severity: &'static str,
    count: u64,
    hosts: u64,
    programs: u64,
    first: &'report str,
    last: &'report str,
    outcome: Outcome,
    locks: Vec<Lock<'report>>,
    calls: &'report [String],
    example: Option<&'report RawValue>,
    followed_by: &'report [String],
    advice: &'report [String],
}

#[derive(Serialize)]
struct Lock<'report> {
    id: Option<&'report str>,
    kind: &'static str,
    name: Option<&'report str>,
    owner: Option<&'report str>,
    taken: Option<String>,
    held: u64,
    predicted: u64,
    hung: u64,
}

impl<'report> From<&'report LockRow> for Lock<'report> {
    fn from(row: &'report LockRow) -> Self {
        Self {
            id: row.lock.id.as_deref(),
            kind: row.lock.kind.name(),
            name: row.lock.name.as_deref(),
            owner: row.lock.owner.as_deref(),
            taken: row.taken().map(|place| place.in_words()),
            held: row.held,
            predicted: row.predicted,
            hung: row.hung,
        }
    }
}

/// Writes it, indented, so that two of them can be compared.
pub fn write(report: &Report, _: &Style, out: &mut dyn Write) -> io::Result<()> {
    let whole = Object {
        files: report.files,
        records: report.records,
        broken: report.broken,
        findings: Findings(report),
    };
    serde_json::to_writer_pretty(Harmless(&mut *out), &whole)?;
    out.write_all(b"\n")
}

fn one<'shown>(finding: &'shown Whole<'_>) -> serde_json::Result<One<'shown>> {
    Ok(One {
        fingerprint: &finding.fingerprint,
        kind: &finding.kind,
        severity: finding.severity.name(),
        count: finding.count,
        hosts: finding.hosts,
        programs: finding.programs,
        first: &finding.first,
        last: &finding.last,
        outcome: finding.outcome,
        locks: finding.locks.iter().map(Lock::from).collect(),
        calls: &finding.calls,
        // As it was read: a newer version's fields are kept. What most parsers reject would make the whole output unreadable.
        example: finding
            .example
            .is_sound
            .then(|| serde_json::from_str(&finding.example.line))
            .transpose()?,
        followed_by: &finding.followed_by,
        advice: &finding.advice,
    })
}
