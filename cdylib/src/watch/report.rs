//! Turns a finding into a record, applies the user's rules, counts it and writes it.

use forkwatch_schema::record::Record;

use crate::record::envelope::{Content, seal};
use crate::record::summary;
use crate::sink::output::{self, Shown};
use crate::state::counts;
use crate::verdict::suppressions;

/// The record of a finding; `None` where a rule suppresses it. `thread` is Python's name for the reporting thread.
pub fn unless_suppressed(content: Content, thread: Option<&str>) -> Option<Record> {
    let record = seal(content, thread);
    (!suppressions::rules().suppresses(&record)).then_some(record)
}

/// Reports a finding. False where a rule suppresses it.
pub fn finding(content: Content) -> bool {
    let record = unless_suppressed(content, None);
    match &record {
        Some(record) => write(record, Shown::Whole(None)),
        None => counts::SUPPRESSED.add(),
    }
    record.is_some()
}

/// Counts a record, and writes it to every sink.
pub fn write(record: &Record, shown: Shown<'_>) {
    counts::add_record(record.kind);
    output::write(record, shown);
}

/// Reports the counts, at the end of a process that had a finding.
pub fn summary() {
    finding(summary::content());
}

/// Writes what is wrong with the options.
pub fn complaints() {
    suppressions::complaints().for_each(output::write_sentence);
}
