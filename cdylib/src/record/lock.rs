//! A lock in a record, as every kind of finding shows it.

use forkwatch_schema::record::{Frame, Lock};

use crate::snapshot::lock_identity::{LockIdentity, kind};
use crate::state::held::Entry;

/// The address of a lock.
pub fn address(address: usize) -> String {
    format!("{address:#x}")
}

/// The lock of this entry, without its holder and waiters.
pub fn of_entry(entry: &Entry, identity: LockIdentity, acquired_stack: Vec<Frame>) -> Lock {
    Lock {
        address: address(entry.address),
        id: Some(identity.id),
        kind: kind(entry.object),
        name: identity.name,
        acquired_stack,
        created_stack: identity.created_stack,
        ..Lock::default()
    }
}
