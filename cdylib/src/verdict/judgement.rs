//! What a fork turned out to be: the result of judging it, before anything is counted, remembered or written.

use forkwatch_schema::kind::Severity;
use forkwatch_schema::record::Record;

use crate::snapshot::place::{Place, PlaceVerdict};

/// The result, with what was left out.
#[derive(Debug)]
pub struct Judgement {
    /// What the fork turned out to be.
    pub outcome: Outcome,
    /// The threads, locks and findings that a rule suppressed.
    pub suppressed: u64,
    /// The places that need not be judged again, and why.
    pub places: Vec<(Place, PlaceVerdict)>,
}

/// What a fork turned out to be.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing to report: suppressed, or the modules could not be read.
    Nothing,
    /// The caller does nothing but exec.
    ExecBound,
    /// A finding.
    Finding(Box<Record>),
}

impl Outcome {
    /// Whether there is something to report.
    pub fn is_finding(&self) -> bool {
        matches!(self, Self::Finding(_))
    }

    /// Whether another thread holds a lock.
    pub fn has_locks(&self) -> bool {
        matches!(self, Self::Finding(record) if record.severity >= Severity::Error)
    }
}
