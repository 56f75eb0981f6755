//! The text of `fork_outcome`: none, because it only completes another finding; its headline is the record's message.

use forkwatch_schema::record::{ForkOutcome, Outcome, Record};

use super::Kind;

impl Kind for ForkOutcome {
    /// `child 4243 became /bin/true`.
    fn headline(&self, _record: &Record) -> String {
        let child = self.child_pid;
        match (self.outcome, &self.program) {
            (Outcome::Exec, Some(program)) => format!("child {child} became {program}"),
            (Outcome::Exec, None) => format!("child {child} became another program"),
            (Outcome::Exit, _) => format!("child {child} ended"),
        }
    }

    fn is_finding(&self) -> bool {
        false
    }
}
