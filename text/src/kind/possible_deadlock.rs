//! The text of `possible_deadlock`: a child takes a lock that a thread of its parent takes, too, and that was free by luck.

use forkwatch_schema::record::{LockKind, PossibleDeadlock, Record};

use super::{CAN_HANG, Kind, Why, child};
use crate::advice::child as advice;
use crate::page::Page;
use crate::{lock, locks};

impl Kind for PossibleDeadlock {
    /// `forked child (pid 4243) needs a mutex that thread "keeper" also takes, and can wait for ever in pthread_mutex_lock`.
    fn headline(&self, record: &Record) -> String {
        format!(
            "forked child (pid {}) needs {} that {} also takes, and can wait for ever in {}",
            record.pid,
            lock::in_words(&self.lock),
            lock::owner_in_words(&self.lock),
            self.call
        )
    }

    fn facts(&self, page: &mut Page<'_>, record: &Record, _stopped: bool) {
        child::write_call(page, record, &self.call, self.python_stack.as_deref(), &self.stack);
        page.gap();
        locks::write_also_taken(page, &self.lock, record);
    }

    fn why(&self, _record: &Record) -> Option<Why> {
        let held = match self.lock.kind {
            LockKind::Libc => "inside such a function",
            _ => "holding it",
        };
        Some(Why::new(
            CAN_HANG,
            format!(
                "This time the lock was free at the fork. In another run the fork comes while that thread is {held}. Then the \
                 child has a copy of a locked lock, but not of the thread that would release it, and this call never returns."
            ),
        ))
    }

    fn advice(&self, record: &Record) -> Vec<String> {
        advice::for_possible_deadlock(record, self)
    }
}
