//! `leaked_lock`: a thread has ended and still holds a lock.

use forkwatch_process::resolver::Resolver;
use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, LeakedLock, Lock};

use super::envelope::Content;
use super::lock;
use crate::snapshot::lock_identity::LockIdentity;
use crate::snapshot::names::frames;
use crate::state::depot;
use crate::state::held::Entry;
use crate::system::printable::printable;
use crate::system::task;

/// The finding about the lock of this entry, which the thread of this id holds as it ends.
pub fn content(entry: &Entry, tid: i32, resolver: &mut Resolver) -> Content {
    let acquired_stack = frames(resolver, depot::frames(entry.stack), false);
    let identity = LockIdentity::new(entry, None, &acquired_stack, resolver);
    let lock = Lock {
        owner_tid: Some(tid),
        owner: Some(printable(&task::name(tid))),
        ..lock::of_entry(entry, identity, acquired_stack)
    };
    let id = lock.id.as_deref().unwrap_or_default();
    Content {
        severity: Severity::Warn,
        kind: Kind::LeakedLock,
        fingerprint: fingerprint::of_lock(Kind::LeakedLock, id, &lock.acquired_stack, None),
        fork_id: None,
        detail: Detail::LeakedLock(LeakedLock { lock }),
        truncated: Vec::new(),
    }
}
