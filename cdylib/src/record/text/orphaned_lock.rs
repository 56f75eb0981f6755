//! The text of `orphaned_lock`: a child asks for a lock whose holder does not exist there.

use forkwatch_schema::record::{OrphanedLock, Record};

use super::page::Page;
use super::{child, lock};

/// `forked child (pid 4243) waits for ever in pthread_mutex_lock for a mutex that thread "keeper" held at the fork`.
pub fn headline(record: &Record, detail: &OrphanedLock) -> String {
    let does = if is_own(detail) {
        "fails in"
    } else if detail.blocking {
        "waits for ever in"
    } else {
        "can never succeed in"
    };
    let holder = if is_own(detail) {
        String::from("its own thread")
    } else {
        lock::owner_in_words(&detail.lock)
    };
    format!(
        "forked child (pid {}) {does} {} for {} that {holder} held at the fork",
        record.pid,
        detail.call,
        lock::in_words(&detail.lock)
    )
}

/// The whole text.
pub fn write(page: &mut Page<'_>, record: &Record, detail: &OrphanedLock, stopped: Option<&str>) {
    page.title(record);
    child::write_stopped(page, stopped);
    child::write_call(
        page,
        record,
        &detail.call,
        detail.python_stack.as_deref(),
        &detail.stack,
    );
    page.gap();
    lock::write_orphaned(page, &detail.lock, record);
    page.gap();
    page.heading("Why this hangs:", "");
    page.sentences(2, reason(detail));
    let advice = if is_own(detail) {
        "In the child, make the lock anew (pthread_mutex_init in a pthread_atfork child handler) instead of unlocking it, or \
         call exec or _exit before anything asks for it."
    } else {
        "Fork before the first thread starts, or call exec or _exit in the child before anything asks for this lock. A library \
         that must work on both sides takes its locks in a pthread_atfork prepare handler and gives them back in the parent \
         and child handlers."
    };
    page.ending(record, &[String::from(advice)]);
}

/// Whether the forking thread itself held it: a lock that remembers its owner's id refuses to be unlocked in the child.
fn is_own(detail: &OrphanedLock) -> bool {
    detail.call.ends_with("unlock")
}

fn reason(detail: &OrphanedLock) -> &'static str {
    if is_own(detail) {
        "The lock remembers the thread that took it by its number, and in the child that thread has another one. So the child \
         can neither release the lock nor take it again."
    } else if detail.blocking {
        "The child has a copy of the lock, but not of the thread that held it: nobody here will ever release it, and this call \
         never returns."
    } else {
        "The child has a copy of the lock, but not of the thread that held it: nobody here will ever release it. This call \
         returns, but each further attempt fails as this one."
    }
}
