//! The text of `leaked_lock`: a thread ended while it held a lock.

use forkwatch_schema::record::{LeakedLock, Record};

use super::lock;
use super::page::Page;

/// `thread "worker" ended while it still held a mutex (pid 4242)`.
pub fn headline(record: &Record, detail: &LeakedLock) -> String {
    let owner = match detail.lock.owner_tid {
        Some(_) => lock::owner_in_words(&detail.lock),
        None => String::from("a thread"),
    };
    format!(
        "{owner} ended while it still held {} (pid {})",
        lock::as_held(&detail.lock),
        record.pid
    )
}

/// The whole text.
pub fn write(page: &mut Page<'_>, record: &Record, detail: &LeakedLock) {
    page.title(record);
    page.gap();
    lock::write_leaked(page, &detail.lock, record);
    page.gap();
    page.heading("Why this can hang:", "");
    page.sentences(
        2,
        "Only the thread that took a lock may release it, and this one is gone. Whoever asks for the lock from now on waits \
         for ever, in this process and in every child it forks.",
    );
    let advice = "Release the lock on every way out of the thread's function: early returns, exceptions, pthread_exit and \
                  cancellation. A guard object (std::lock_guard) or pthread_cleanup_push does so by itself.";
    page.ending(record, &[String::from(advice)]);
}
