//! The text of `fork_outcome`: none, for it only completes what was told; its headline is the record's message.

use forkwatch_schema::record::{ForkOutcome, Outcome};

/// `child 4243 became /bin/true`.
pub fn headline(detail: &ForkOutcome) -> String {
    let child = detail.child_pid;
    match (detail.outcome, &detail.program) {
        (Outcome::Exec, Some(program)) => format!("child {child} became {program}"),
        (Outcome::Exec, None) => format!("child {child} became another program"),
        (Outcome::Exit, _) => format!("child {child} ended"),
    }
}
