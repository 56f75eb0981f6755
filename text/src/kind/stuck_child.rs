//! The text of `stuck_child`: a child with one thread waits for what only a lost thread would have done.

use forkwatch_schema::kind::Severity;
use forkwatch_schema::record::{Record, StuckChild, WaitObject};

use super::{BY_SIGNAL, CAN_HANG, HANGS, Kind, Why, child};
use crate::advice::child as advice;
use crate::lock::MAX_NAMED;
use crate::page::Page;
use crate::words::count_of;

impl Kind for StuckChild {
    /// `forked child (pid 4243) waits for ever in pthread_cond_wait: the thread that would end the wait was not copied`.
    fn headline(&self, record: &Record) -> String {
        let waits = if is_certain(record) { "waits" } else { "may wait" };
        format!(
            "forked child (pid {}) {waits} for ever in {}: the thread that would end the wait was not copied",
            record.pid, self.call
        )
    }

    fn facts(&self, page: &mut Page<'_>, record: &Record, _stopped: bool) {
        child::write_call(page, record, &self.call, self.python_stack.as_deref(), &self.stack);
        page.gap();
        let address = self
            .address
            .as_ref()
            .map_or_else(String::new, |address| format!(" at {address}"));
        page.heading("Waits for: ", &format!("{}{address}", in_words(self.object)));
        if !self.parent_tids.is_empty() {
            page.sentences(2, &format!("At the fork, {}.", users(&self.parent_tids, self.object)));
        }
    }

    fn why(&self, record: &Record) -> Option<Why> {
        let does = match self.object {
            WaitObject::Futex => "wake it",
            WaitObject::Condition => "signal it",
            WaitObject::Semaphore => "post it",
            WaitObject::Mutex | WaitObject::Rwlock => "release it",
        };
        let (outcome, unless) = if is_certain(record) {
            (HANGS, "")
        } else {
            (CAN_HANG, BY_SIGNAL)
        };
        Some(Why::new(
            outcome,
            format!(
                "The child has only the thread that called fork, and that thread waits here without a time-out. \
                 Nobody is left to {does}: the thread that would have done so exists only in the parent.{unless}"
            ),
        ))
    }

    fn advice(&self, _record: &Record) -> Vec<String> {
        advice::for_stuck(self)
    }
}

/// Whether nothing at all can end the wait.
fn is_certain(record: &Record) -> bool {
    record.severity == Severity::Fatal
}

/// `2 threads of the parent waited for it too (tid 4243, 4244)`.
fn users(tids: &[i32], object: WaitObject) -> String {
    let named: Vec<_> = tids.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    let more = match tids.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let who = count_of(tids.len(), "thread", "threads");
    let did = match object {
        WaitObject::Condition | WaitObject::Futex => "waited for it too",
        WaitObject::Semaphore | WaitObject::Mutex | WaitObject::Rwlock => "waited for it or held it",
    };
    format!("{who} of the parent {did} (tid {}{more})", named.join(", "))
}

const fn in_words(object: WaitObject) -> &'static str {
    match object {
        WaitObject::Futex => "a futex (the wait that libraries build their locks on)",
        WaitObject::Condition => "a condition variable",
        WaitObject::Semaphore => "a semaphore",
        WaitObject::Mutex => "a mutex",
        WaitObject::Rwlock => "a read-write lock",
    }
}
