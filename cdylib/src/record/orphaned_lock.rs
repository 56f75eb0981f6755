//! `orphaned_lock`: a forked child asks for a lock whose holder does not exist there.

use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, Lock, OrphanedLock};

use super::child_call::ChildCall;
use super::envelope::Content;
use super::lock;
use crate::state::orphans::Orphan;
use crate::verdict::orphaned_lock::Evidence;

/// The finding.
pub fn content(orphan: &Orphan, evidence: Evidence, call: ChildCall) -> Content {
    let kind = lock::kind(orphan.entry.object);
    let Evidence {
        blocks,
        never_returns,
        name,
        owner,
        acquired_stack,
    } = evidence;
    Content {
        severity: if never_returns {
            Severity::Fatal
        } else {
            Severity::Error
        },
        kind: Kind::OrphanedLock,
        fingerprint: fingerprint::of_orphan(kind, &call.stack, call.python_stack.as_deref(), &acquired_stack),
        fork_id: None,
        detail: Detail::OrphanedLock(OrphanedLock {
            call: call.function.to_owned(),
            lock: Lock {
                address: lock::address(orphan.entry.address),
                kind,
                name,
                owner_tid: (orphan.owner != 0).then_some(orphan.owner),
                owner,
                acquired_stack,
                waiters: Vec::new(),
            },
            stack: call.stack,
            python_stack: call.python_stack,
            blocking: blocks,
        }),
        truncated: Vec::new(),
    }
}
