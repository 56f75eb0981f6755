//! What became of the records, counted, and the sentences about it: nothing is left out unsaid.

use forkwatch_text::harmless::harmless;
use forkwatch_text::words::count;

use super::source::mark::LogName;
use crate::message::{Failure, say};

/// Invalid lines that are shown of each log.
const SHOWN_OF_A_LOG: u64 = 5;

/// Rejections that are shown.
const SHOWN_REJECTIONS: u64 = 20;

/// All counts.
#[derive(Debug, Default)]
pub struct Tally {
    /// Records that the receiver has taken.
    pub exported: u64,
    /// Records that it had already.
    pub known: u64,
    /// Records that it will not take.
    pub rejected: u64,
    /// Records that were on their way when the user wanted the end.
    pub unsent: u64,
    /// Records that were not selected.
    pub left_out: u64,
    /// Lines that are no records.
    pub broken: u64,
    /// Lines that were read in an earlier run, or in another file.
    pub before: u64,
    /// Logs that end in the middle of a line.
    pub unfinished: u64,
    /// Inputs that could not be read.
    pub problems: u64,
    /// The log of which invalid lines are shown, and how many it has.
    in_log: Option<(std::path::PathBuf, u64)>,
    /// How often the receiver said that it will not take something.
    rejections: u64,
    /// Invalid lines that were not shown.
    hidden: u64,
}

impl Tally {
    /// Says that a line is no record.
    pub fn broken_line(&mut self, log: &LogName, line: u64, why: &str) {
        self.broken += 1;
        let in_log = match &mut self.in_log {
            Some((path, count)) if *path == log.path => {
                *count += 1;
                *count
            }
            other => {
                *other = Some((log.path.clone(), 1));
                1
            }
        };
        if in_log > SHOWN_OF_A_LOG {
            self.hidden += 1;
        } else {
            sentence(&format!("{}:{line}: {why}", name(log)));
        }
    }

    /// Says that records were rejected.
    pub fn rejected(&mut self, records: u64, what: &str, why: &str) {
        self.rejected += records;
        self.rejections += 1;
        if self.rejections <= SHOWN_REJECTIONS {
            sentence(&format!("the receiver has rejected {what}: {why}"));
        }
    }

    /// Says that an input cannot be read.
    pub fn problem(&mut self, problem: &str) {
        self.problems += 1;
        sentence(problem);
    }

    /// Says at the end what became of all; `receiver` is missing for standard output, where the records speak for themselves.
    pub fn end(&self, receiver: Option<&str>, positions: Option<&str>, hint: &str) {
        if self.hidden > 0 {
            let more = count(self.hidden, "more invalid line", "more invalid lines");
            sentence(&format!("{more} not shown"));
        }
        if let Some(more @ 1..) = self.rejections.checked_sub(SHOWN_REJECTIONS) {
            sentence(&format!(
                "{} not shown",
                count(more, "more rejection", "more rejections")
            ));
        }
        let mut clauses = Vec::new();
        if let Some(receiver) = receiver {
            let records = count(self.exported, "record was", "records were");
            clauses.push(format!("{records} exported to {receiver}"));
        }
        let mut clause = |number: u64, one: &str, many: &str, rest: &str| {
            if number > 0 {
                clauses.push(format!("{}{rest}", count(number, one, many)));
            }
        };
        clause(self.known, "record was", "records were", " there already");
        clause(self.rejected, "record was", "records were", " rejected");
        clause(
            self.unsent,
            "record was",
            "records were",
            " read and not taken: they come first next time",
        );
        let place = positions.map_or(String::new(), |path| format!(" (positions: {path})"));
        clause(self.before, "line was", "lines were", &format!(" read before{place}"));
        clause(
            self.left_out,
            "record was",
            "records were",
            &format!(" not selected{hint}"),
        );
        clause(self.broken, "line is", "lines are", " no record");
        clause(self.unfinished, "file ends", "files end", " in the middle of a line");
        if !clauses.is_empty() {
            sentence(&clauses.join("; "));
        }
    }
}

/// What a log is called in a sentence.
pub fn name(log: &LogName) -> String {
    if log.path.as_os_str() == "-" {
        return "standard input".to_owned();
    }
    log.path.display().to_string()
}

fn sentence(text: &str) {
    say(&Failure::usage(harmless(text)));
}
