//! `thread_after_fork`: a forked child makes a thread.

use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Call, Detail};

use super::child_call::ChildCall;
use super::envelope::Content;

/// The finding; `library` is the file that makes the call.
pub fn content(library: Option<String>, call: ChildCall) -> Content {
    Content {
        severity: Severity::Warn,
        kind: Kind::ThreadAfterFork,
        fingerprint: fingerprint::of_call(
            Kind::ThreadAfterFork,
            call.function,
            &call.stack,
            call.python_stack.as_deref(),
        ),
        fork_id: None,
        detail: Detail::Call(Call {
            call: call.function.to_owned(),
            library,
            stack: call.stack,
            python_stack: call.python_stack,
        }),
        truncated: Vec::new(),
    }
}
