//! What strict mode stops.

use forkwatch_schema::kind::Severity;

use super::judgement::Outcome;
use crate::config::{self, Strict};

/// Whether forks may be stopped, so that each of them is judged before the copy.
pub fn stops_forks() -> bool {
    matches!(config::get().strict, Strict::Threads | Strict::Locks)
}

/// Whether a fork that turned out to be this is stopped.
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

/// The option that stops a child with a finding of this severity, if one does. The child of an exec-bound fork is stopped where
/// its fork would have been, had anybody known that it would do more than exec.
pub fn option_for_child(severity: Severity, fork_was_exec_bound: bool) -> Option<&'static str> {
    let is_late = fork_was_exec_bound && severity >= Severity::Error;
    match config::get().strict {
        Strict::Child if severity == Severity::Fatal => Some("FORKWATCH_STRICT=child"),
        Strict::Threads | Strict::Locks if is_late => Some(option_for_forks()),
        _ => None,
    }
}
