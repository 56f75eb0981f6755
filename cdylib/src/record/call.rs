//! `thread_after_fork`, `unsafe_call` and `guarded_call`: a forked child makes a call that it should not make.

use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Call, Detail};

use super::child_call::ChildCall;
use super::envelope::Content;

/// A child creates a thread; `library` is the file that makes the call.
pub fn thread_after_fork(library: Option<String>, call: ChildCall) -> Content {
    let kind = Kind::ThreadAfterFork;
    let fingerprint = fingerprint::of_call(kind, call.function, &call.stack, call.python_stack.as_deref());
    content(kind, Severity::Warn, fingerprint, library, call)
}

/// A child calls a function that is not async-signal-safe; `library` is the file that makes the call.
pub fn unsafe_call(library: Option<String>, call: ChildCall) -> Content {
    let fingerprint = fingerprint::of_caller(&call.stack, call.python_stack.as_deref());
    content(Kind::UnsafeCall, Severity::Warn, fingerprint, library, call)
}

/// A child calls into this library, which does not work after fork.
pub fn guarded_call(severity: Severity, library: String, call: ChildCall) -> Content {
    let fingerprint = fingerprint::of_guarded(&library, &call.stack, call.python_stack.as_deref());
    content(Kind::GuardedCall, severity, fingerprint, Some(library), call)
}

fn content(kind: Kind, severity: Severity, fingerprint: String, library: Option<String>, call: ChildCall) -> Content {
    Content {
        severity,
        kind,
        fingerprint,
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
