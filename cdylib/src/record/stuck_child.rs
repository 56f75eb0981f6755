//! `stuck_child`: a forked child waits for something that no thread is left to do.

use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, StuckChild, WaitObject};

use super::child_call::ChildCall;
use super::envelope::Content;
use super::lock;

/// The finding about a wait for this object, which these threads of the parent used.
pub fn content(object: WaitObject, address: usize, parent_tids: Vec<i32>, call: ChildCall) -> Content {
    Content {
        severity: Severity::Fatal,
        kind: Kind::StuckChild,
        fingerprint: fingerprint::of_call(
            Kind::StuckChild,
            call.function,
            &call.stack,
            call.python_stack.as_deref(),
        ),
        fork_id: None,
        detail: Detail::StuckChild(StuckChild {
            call: call.function.to_owned(),
            address: Some(lock::address(address)),
            object,
            parent_tids,
            stack: call.stack,
            python_stack: call.python_stack,
        }),
        truncated: Vec::new(),
    }
}
