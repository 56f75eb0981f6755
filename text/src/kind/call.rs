//! The text of `thread_after_fork`, `unsafe_call` and `guarded_call`: a child makes a call that it should not.

use forkwatch_schema::kind;
use forkwatch_schema::path::base_name;
use forkwatch_schema::record::{Call, Record};

use super::{CAN_HANG, Kind, Why, child};
use crate::advice::child as advice;
use crate::page::Page;

impl Kind for Call {
    /// `forked child (pid 4243) of a threaded process creates a thread before exec: libgomp.so.1 calls pthread_create`.
    fn headline(&self, record: &Record) -> String {
        let child = format!("forked child (pid {})", record.pid);
        let call = &self.call;
        // The name of the program itself would say nothing.
        let library = self
            .library
            .as_deref()
            .map(base_name)
            .filter(|library| *library != base_name(&record.exe));
        let of = library.map_or_else(String::new, |library| format!(" of {library}"));
        match (record.kind, library) {
            (kind::Kind::ThreadAfterFork, Some(library)) => {
                format!("{child} of a threaded process creates a thread before exec: {library} calls {call}")
            }
            (kind::Kind::ThreadAfterFork, None) => {
                format!("{child} of a threaded process creates a thread before exec: {call}")
            }
            (kind::Kind::GuardedCall, _) => format!("{child} calls {call}{of} before exec"),
            _ => format!("{child} of a threaded process calls {call}{of}, which is not async-signal-safe"),
        }
    }

    fn facts(&self, page: &mut Page<'_>, record: &Record, _stopped: bool) {
        child::write_call(page, record, &self.call, self.python_stack.as_deref(), &self.stack);
    }

    fn why(&self, record: &Record) -> Option<Why> {
        let reason = match record.kind {
            kind::Kind::ThreadAfterFork => {
                "Between such a fork and exec, POSIX allows a child to call only async-signal-safe functions, and \
                 pthread_create is not one of them. Locks that threads of the parent held at the fork stay held in \
                 the child for ever: this thread and the new one hang as soon as they need one."
            }
            kind::Kind::GuardedCall => {
                "The library keeps threads, connections or devices that do not exist in a copy of the process. It hangs or \
                 works on broken state until the child becomes another program."
            }
            _ => {
                "Such a function may need a lock that a thread of the parent held at the fork, or data that the \
                 thread was changing. The lock stays held in the child for ever."
            }
        };
        Some(Why::new(CAN_HANG, reason))
    }

    fn advice(&self, record: &Record) -> Vec<String> {
        advice::for_call(record.kind, self)
    }
}
