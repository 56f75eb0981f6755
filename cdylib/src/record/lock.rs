//! A lock in a record, as every kind of finding shows it.

use forkwatch_schema::record::LockKind;

use crate::state::held::Object;

/// The address of a lock.
pub fn address(address: usize) -> String {
    format!("{address:#x}")
}

/// The word for an object's kind.
pub fn kind(object: Object) -> LockKind {
    match object {
        Object::RwlockRead => LockKind::RwlockRead,
        Object::RwlockWrite => LockKind::RwlockWrite,
        Object::Spinlock => LockKind::Spinlock,
        Object::Semaphore => LockKind::Semaphore,
        Object::StaticGuard => LockKind::StaticGuard,
        Object::LibcRegion => LockKind::Libc,
        Object::Mutex | Object::Condition => LockKind::Mutex,
    }
}
