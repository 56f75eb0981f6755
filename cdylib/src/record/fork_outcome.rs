//! `fork_outcome`: how the child of a reported fork ended.

use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, ForkOutcome, Outcome};

use super::envelope::Content;
use crate::verdict::fork_record::ForkRecord;

/// The outcome; `program` is what the child executes.
pub fn content(fork: &ForkRecord, outcome: Outcome, program: Option<String>) -> Content {
    Content {
        severity: Severity::Info,
        kind: Kind::ForkOutcome,
        fingerprint: fingerprint::of_kind(Kind::ForkOutcome),
        fork_id: Some(fork.origin.id.to_string()),
        detail: Detail::ForkOutcome(ForkOutcome {
            child_pid: fork.child,
            outcome,
            program,
        }),
        truncated: Vec::new(),
    }
}
