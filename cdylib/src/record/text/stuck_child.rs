//! The text of `stuck_child`: a child with one thread waits for what only a lost thread would have done.

use forkwatch_schema::record::{Record, StuckChild, WaitObject};

use super::child;
use super::page::Page;
use super::shorten::count;

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
        let tids: Vec<_> = detail.parent_tids.iter().map(ToString::to_string).collect();
        let who = count(tids.len(), "thread", "threads");
        page.sentences(
            2,
            &format!("{who} of the parent used it at the fork: tid {}", tids.join(", ")),
        );
    }
    page.gap();
    page.heading("Why this hangs:", "");
    page.sentences(
        2,
        "The child has only the thread that called fork, and that one waits here without a time-out. Nobody is left to wake \
         it: whoever would have done so is a thread of the parent.",
    );
    let advice = "Start the threads (a pool, a queue's worker, a runtime) in the child after the fork, not before it; or fork \
                  before the first thread starts; or call exec or _exit in the child before it waits.";
    page.ending(record, &[String::from(advice)]);
}

const fn in_words(object: WaitObject) -> &'static str {
    match object {
        WaitObject::Futex => "a futex of a library's own",
        WaitObject::Condition => "a condition variable",
        WaitObject::Semaphore => "a semaphore",
        WaitObject::Mutex => "a mutex",
        WaitObject::Rwlock => "a read-write lock",
    }
}
