//! The text of `stuck_child`: a child with one thread waits for what only a lost thread would have done.

use forkwatch_schema::record::{Record, StuckChild, WaitObject};

use super::child;
use super::lock::MOST_NAMED;
use super::page::Page;
use super::shorten::count;
use crate::verdict::advice::child as advice;

/// `forked child (pid 4243) waits for ever in pthread_cond_wait: its only thread is the one that waits`.
pub fn headline(record: &Record, detail: &StuckChild) -> String {
    format!(
        "forked child (pid {}) waits for ever in {}: the thread that would end the wait was not copied",
        record.pid, detail.call
    )
}

/// The whole text.
pub fn write(page: &mut Page<'_>, record: &Record, detail: &StuckChild, stopped: Option<&str>) {
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
    let address = detail
        .address
        .as_ref()
        .map_or_else(String::new, |address| format!(" at {address}"));
    page.heading("Waits for: ", &format!("{}{address}", in_words(detail.object)));
    if !detail.parent_tids.is_empty() {
        page.sentences(
            2,
            &format!("At the fork, {}.", users(&detail.parent_tids, detail.object)),
        );
    }
    page.gap();
    page.heading("Why this hangs:", "");
    page.sentences(2, &reason(detail.object));
    page.ending(record, &advice::for_stuck(detail));
}

/// `2 threads of the parent waited for it too (tid 4243, 4244)`.
fn users(tids: &[i32], object: WaitObject) -> String {
    let named: Vec<_> = tids.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    let more = match tids.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let who = count(tids.len(), "thread", "threads");
    let did = match object {
        WaitObject::Condition | WaitObject::Futex => "waited for it too",
        WaitObject::Semaphore | WaitObject::Mutex | WaitObject::Rwlock => "waited for it or held it",
    };
    format!("{who} of the parent {did} (tid {}{more})", named.join(", "))
}

fn reason(object: WaitObject) -> String {
    let does = match object {
        WaitObject::Futex => "wake it",
        WaitObject::Condition => "signal it",
        WaitObject::Semaphore => "post it",
        WaitObject::Mutex | WaitObject::Rwlock => "release it",
    };
    format!(
        "The child has only the thread that called fork, and that one waits here without a time-out. Nobody is left to {does}: \
         whoever would have done so is a thread of the parent."
    )
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
