//! The text of `thread_after_fork`, `unsafe_call` and `guarded_call`: a child makes a call that it should not.

use forkwatch_schema::kind::Kind;
use forkwatch_schema::record::{Call, Record};

use super::child;
use super::page::Page;
use super::shorten;
use crate::verdict::advice::child as advice;

/// `forked child (pid 4243) of a threaded process creates a thread before exec: libgomp.so.1 calls pthread_create`.
pub fn headline(record: &Record, detail: &Call) -> String {
    let child = format!("forked child (pid {})", record.pid);
    let call = &detail.call;
    // Of the program itself, its name would say nothing.
    let library = detail
        .library
        .as_deref()
        .map(shorten::base_name)
        .filter(|library| *library != shorten::base_name(&record.exe));
    let of = library.map_or_else(String::new, |library| format!(" of {library}"));
    match (record.kind, library) {
        (Kind::ThreadAfterFork, Some(library)) => {
            format!("{child} of a threaded process creates a thread before exec: {library} calls {call}")
        }
        (Kind::ThreadAfterFork, None) => format!("{child} of a threaded process creates a thread before exec: {call}"),
        (Kind::GuardedCall, _) => format!("{child} calls {call}{of} before exec"),
        _ => format!("{child} of a threaded process calls {call}{of}, which is not async-signal-safe"),
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
    page.ending(record, &advice::for_call(record.kind, detail));
}

const fn reason(kind: Kind) -> &'static str {
    match kind {
        Kind::ThreadAfterFork => {
            "Between such a fork and exec, POSIX allows a child only what is async-signal-safe, and creating a thread is not. Locks \
             that threads of the parent held at the fork are held in the child for ever: this thread and the new one hang as soon \
             as they need one."
        }
        Kind::GuardedCall => {
            "The library keeps threads, connections or devices that do not exist in a copy of the process. It hangs or works \
             on broken state until the child becomes another program."
        }
        _ => {
            "Such a function may need a lock that a thread of the parent held at the fork, or data that it was just \
             changing. The lock stays held in the child for ever."
        }
    }
}
