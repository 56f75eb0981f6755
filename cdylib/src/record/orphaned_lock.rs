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
    let Evidence {
        blocks,
        never_returns,
        aborts,
        owner,
        identity,
        acquired_stack,
        acquired_python_stack,
    } = evidence;
    let lock = Lock {
        owner_tid: (orphan.owner != 0).then_some(orphan.owner),
        owner,
        acquired_python_stack,
        ..lock::of_entry(&orphan.entry, identity, acquired_stack)
    };
    let id = lock.id.as_deref().unwrap_or_default();
    Content {
        severity: if never_returns {
            Severity::Fatal
        } else {
            Severity::Error
        },
        kind: Kind::OrphanedLock,
        fingerprint: fingerprint::of_lock(Kind::OrphanedLock, id, &call.stack, call.python_stack.as_deref()),
        fork_id: None,
        detail: Detail::OrphanedLock(OrphanedLock {
            call: call.function.to_owned(),
            lock,
            stack: call.stack,
            python_stack: call.python_stack,
            blocking: blocks && !aborts,
        }),
        truncated: Vec::new(),
    }
}
