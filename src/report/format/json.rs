//! One object with everything, for scripts; the keys and their order are promised.

use std::io::{self, Write};

use forkwatch_text::Style;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Report;
use crate::report::finding::{Finding, Outcome};

#[derive(Serialize)]
struct Whole<'report> {
    files: u64,
    records: u64,
    broken: u64,
    findings: Vec<One<'report>>,
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
    example: Option<&'report RawValue>,
    followed_by: &'report [String],
    advice: &'report [String],
}

/// Writes it, indented, so that two of them can be compared.
pub fn write(report: &Report, _: &Style, out: &mut dyn Write) -> io::Result<()> {
    let findings = report.findings.iter().map(one).collect::<Result<_, _>>()?;
    let whole = Whole {
        files: report.files,
        records: report.records,
        broken: report.broken,
        findings,
    };
    serde_json::to_writer_pretty(&mut *out, &whole)?;
    out.write_all(b"\n")
}

fn one(finding: &Finding) -> serde_json::Result<One<'_>> {
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
        // As it was read: a newer version's fields are kept. What most parsers refuse would make all of this unreadable.
        example: finding
            .example
            .is_sound
            .then(|| serde_json::from_str(&finding.example.line))
            .transpose()?,
        followed_by: &finding.followed_by,
        advice: &finding.advice,
    })
}
