//! What strict mode stops.

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::Record;

use super::judgement::Outcome;
use crate::config::{self, Strict};

/// Whether strict mode may stop forks, so that each must be judged before the copy.
pub fn stops_forks() -> bool {
    matches!(config::get().strict, Strict::Threads | Strict::Locks)
}

/// Whether strict mode stops a fork with this outcome.
pub fn stops_fork(outcome: &Outcome) -> bool {
    match config::get().strict {
        Strict::Threads => outcome.is_finding(),
        Strict::Locks => outcome.has_locks(),
        Strict::Off | Strict::Child => false,
    }
}

/// The option that stops forks.
pub fn option_for_forks() -> &'static str {
    match config::get().strict {
        Strict::Threads => "FORKWATCH_STRICT=threads",
        _ => "FORKWATCH_STRICT=locks",
    }
}

/// The option that stops a child with this finding, if any does. The child of an exec-bound fork is stopped if its
/// fork would have been, had it been known that the child would do more than exec.
pub fn option_for_child(record: &Record, fork_was_exec_bound: bool) -> Option<&'static str> {
    let severity = record.severity;
    let is_late = fork_was_exec_bound && severity >= Severity::Error;
    // What the user asked to be told is a violation; what a library's makers say in general is not proven here.
    let is_violation = match record.kind {
        Kind::UnsafeCall => true,
        Kind::GuardedCall => severity >= Severity::Error,
        _ => severity == Severity::Fatal,
    };
    match config::get().strict {
        Strict::Child if is_violation => Some("FORKWATCH_STRICT=child"),
        Strict::Threads | Strict::Locks if is_late => Some(option_for_forks()),
        _ => None,
    }
}
