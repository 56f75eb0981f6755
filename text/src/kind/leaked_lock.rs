//! The text of `leaked_lock`: a thread ended while it held a lock.

use forkwatch_schema::record::{LeakedLock, Record};

use super::{CAN_HANG, Kind, Why};
use crate::page::Page;
use crate::{advice, lock, locks};

impl Kind for LeakedLock {
    /// `thread "worker" ended while it still held a mutex (pid 4242)`.
    fn headline(&self, record: &Record) -> String {
        let owner = match self.lock.owner_tid {
            Some(_) => lock::owner_in_words(&self.lock),
            None => String::from("a thread"),
        };
        format!(
            "{owner} ended while it still held {} (pid {})",
            lock::as_held(&self.lock),
            record.pid
        )
    }

    fn facts(&self, page: &mut Page<'_>, record: &Record, _stopped: bool) {
        locks::write_leaked(page, &self.lock, record);
    }

    fn why(&self, _record: &Record) -> Option<Why> {
        Some(Why::new(
            CAN_HANG,
            "Only the thread that took a lock may release it, and that thread has ended. Any thread that needs the \
             lock from now on waits for ever, in this process and in every child it forks.",
        ))
    }

    fn advice(&self, _record: &Record) -> Vec<String> {
        vec![advice::for_leaked_lock()]
    }
}
