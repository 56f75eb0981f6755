//! The text of `thread_after_fork`, `unsafe_call` and `guarded_call`: a child makes a call that it should not.

use forkwatch_schema::path::base_name;
use forkwatch_schema::record::{Call, Record};
use forkwatch_schema::unsafe_functions::family_of;
use forkwatch_schema::{guarded_libraries, kind};

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
            (kind::Kind::GuardedCall, library) => {
                let name = library.unwrap_or("that library");
                format!(
                    "{child} calls {call}{of}: the process has forked; {name} does not work after fork, you must exec"
                )
            }
            _ if self.python_stack.is_some() => format!(
                "{child} of a threaded process runs Python code, whose calls are not async-signal-safe; the first is {call}"
            ),
            (_, None) => format!("{child} of a threaded process calls {call}, which is not async-signal-safe"),
            (_, Some(library)) => {
                format!("{child} of a threaded process: {library} calls {call}, which is not async-signal-safe")
            }
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
            _ => return Some(Why::new(CAN_HANG, unsafe_call(&self.call))),
        };
        let mut why = Why::new(CAN_HANG, reason);
        let row = self.library.as_deref().and_then(guarded_libraries::row_of);
        if let Some(row) = row.filter(|_| record.kind == kind::Kind::GuardedCall) {
            why.reasons.push(format!(
                "Its makers say of {}: \"{}\" ({})",
                row.what, row.sentence, row.source
            ));
        }
        Some(why)
    }

    fn advice(&self, record: &Record) -> Vec<String> {
        advice::for_call(record.kind, self)
    }
}

fn unsafe_call(function: &str) -> String {
    let needs = family_of(function).map_or("a lock or data of its library", |family| family.needs);
    format!(
        "{function} needs {needs}. Another thread may have held that lock, or may have been changing that data, when the \
         process forked; then it stays so in the child for ever. glibc makes good some of that (its heap and its streams), other \
         systems and allocators do not, and POSIX allows no such call."
    )
}
