//! `stuck_child`: a forked child waits for something that no thread is left to do.

use forkwatch_process::resolver::Resolver;
use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, LostThread, StuckChild, TimedWaits, WaitObject};
use forkwatch_schema::signals::Power;

use super::child_call::ChildCall;
use super::envelope::Content;
use super::lock;

/// What a child waits for, and who would have ended the wait.
#[derive(Debug)]
pub struct Stuck {
    /// What.
    pub object: WaitObject,
    /// Its address.
    pub address: usize,
    /// The threads of the parent that waited on it or held it.
    pub parent_tids: Vec<i32>,
    /// The lost threads that used it or belong to what waits for it.
    pub lost_threads: Vec<LostThread>,
    /// The waits that have timed out so far; `None` for a wait without a time-out.
    pub timed_waits: Option<TimedWaits>,
    /// What signal handlers could do about the wait.
    pub power: Power,
}

/// The finding about this wait.
pub fn content(stuck: Stuck, call: ChildCall, resolver: &mut Resolver) -> Content {
    Content {
        severity: if stuck.power == Power::Nothing {
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
            address: Some(lock::address(stuck.address)),
            object: stuck.object,
            name: resolver.name_of_variable(stuck.address),
            parent_tids: stuck.parent_tids,
            lost_threads: stuck.lost_threads,
            timed_waits: stuck.timed_waits,
            stack: call.stack,
            python_stack: call.python_stack,
        }),
        truncated: Vec::new(),
    }
}
