//! The text of `thread_after_fork`, `unsafe_call` and `guarded_call`: a child makes a call that it should not.

use forkwatch_schema::kind::Kind;
use forkwatch_schema::record::{Call, Record};

use super::child;
use super::page::Page;

/// `forked child (pid 4243) creates a thread with pthread_create before exec`.
pub fn headline(record: &Record, detail: &Call) -> String {
    let child = format!("forked child (pid {})", record.pid);
    let library = detail
        .library
        .as_ref()
        .map_or_else(String::new, |library| format!(" of {library}"));
    match record.kind {
        Kind::ThreadAfterFork => format!(
            "{child} of a threaded process creates a thread with {} before exec",
            detail.call
        ),
        Kind::GuardedCall => format!("{child} calls {}{library}: it must exec first", detail.call),
        _ => format!(
            "{child} of a threaded process calls {}{library}, which is not async-signal-safe",
            detail.call
        ),
    }
}

/// The whole text.
pub fn write(page: &mut Page<'_>, record: &Record, detail: &Call, stopped: Option<&str>) {
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
    page.heading("Why this can hang:", "");
    page.sentences(2, reason(record.kind));
    let advice = "Fork before the first thread starts, or go on to exec at once (posix_spawn does both in one call).";
    page.ending(record, &[String::from(advice)]);
}

const fn reason(kind: Kind) -> &'static str {
    match kind {
        Kind::ThreadAfterFork => {
            "POSIX leaves it undefined what a new thread does in such a child: locks that threads of the parent held stay \
             locked, and the new thread meets them as this one would."
        }
        Kind::GuardedCall => {
            "The library keeps threads, connections or devices that do not exist in a copy of the process. It hangs or works \
             on broken state until the child becomes another program."
        }
        _ => {
            "Such a function may need a lock that a thread of the parent held at the fork, or state that it was just \
             changing."
        }
    }
}
