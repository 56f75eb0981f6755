//! `stuck_child`: a forked child waits for something that no thread is left to do.

use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, StuckChild, WaitObject};
use forkwatch_schema::signals::Power;

use super::child_call::ChildCall;
use super::envelope::Content;
use super::lock;

/// The finding about a wait for this object, which these threads of the parent used. Signal handlers have this power over it.
pub fn content(object: WaitObject, address: usize, parent_tids: Vec<i32>, power: Power, call: ChildCall) -> Content {
    Content {
        severity: if power == Power::Nothing {
            Severity::Fatal
        } else {
            Severity::Error
        },
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
