//! The text of each kind of finding: one file each, and one arm of [`of`].

mod call;
mod child;
mod fork_outcome;
mod leaked_lock;
mod orphaned_lock;
mod possible_deadlock;
mod shared_descriptor;
mod slow_handler;
mod stuck_child;
mod summary;
mod unsafe_fork;

use forkwatch_schema::record::{Detail, Record};

use super::page::{Look, Page};

/// The text of a kind. The record is the one that the fields belong to.
pub trait Kind {
    /// What happened, in one line, without severity and kind.
    fn headline(&self, record: &Record) -> String;

    /// Who did what where, as sections. `stopped` if the fork was stopped before a child was created.
    fn facts(&self, _page: &mut Page<'_>, _record: &Record, _stopped: bool) {}

    /// Why that hangs or can hang; `None` if there is nothing to explain.
    fn why(&self, _record: &Record) -> Option<Why> {
        None
    }

    /// What to change.
    fn advice(&self, _record: &Record) -> Vec<String> {
        Vec::new()
    }

    /// The sentence that this option stopped the fork or the child.
    fn stopped(&self, option: &str) -> String {
        format!("The child is stopped here, as {option} requests.")
    }

    /// False for bookkeeping records.
    fn is_finding(&self) -> bool {
        true
    }
}

/// Why a finding matters, for readers new to it.
#[derive(Debug)]
pub struct Why {
    /// Whether it hangs, or can, or fails.
    pub heading: &'static str,
    /// One paragraph each.
    pub reasons: Vec<String>,
}

impl Why {
    fn new(heading: &'static str, reason: impl Into<String>) -> Self {
        Self {
            heading,
            reasons: vec![reason.into()],
        }
    }
}

const HANGS: &str = "Why this hangs:";
const CAN_HANG: &str = "Why this can hang:";
const HARMS_THE_PARENT: &str = "Why this harms the parent:";
const FAILS: &str = "Why this fails:";

/// Of a wait that a signal handler could leave.
const BY_SIGNAL: &str = " Only one of the child's own signal handlers could still end the wait.";

/// The kind that has these fields.
pub fn of(detail: &Detail) -> &dyn Kind {
    match detail {
        Detail::UnsafeFork(detail) => detail,
        Detail::OrphanedLock(detail) => detail,
        Detail::PossibleDeadlock(detail) => detail,
        Detail::SharedDescriptor(detail) => detail,
        Detail::StuckChild(detail) => detail,
        Detail::Call(detail) => detail,
        Detail::LeakedLock(detail) => detail,
        Detail::SlowHandler(detail) => detail,
        Detail::ForkOutcome(detail) => detail,
        Detail::Summary(detail) => detail,
    }
}

/// Writes severity, kind and what happened.
pub fn write_headline(page: &mut Page<'_>, record: &Record) {
    let about = format!(" {}: ", record.kind.name());
    let start = [
        (Look::Level(record.severity), record.severity.name()),
        (Look::Heading, &about),
    ];
    if page.style.wraps_headlines {
        let headline = of(&record.detail).headline(record);
        page.started(0, &start, Look::Heading, &headline);
    } else {
        let [severity, kind] = start;
        page.line(
            0,
            &[severity, kind, (Look::Heading, &of(&record.detail).headline(record))],
        );
    }
}
