//! A lock in a record, as every kind of finding shows it.

use forkwatch_process::module::Module;
use forkwatch_process::resolver::Resolver;
use forkwatch_schema::lock_id;
use forkwatch_schema::record::{Frame, Lock, LockKind};

use crate::snapshot::names::frames;
use crate::state::depot::{self, NO_STACK};
use crate::state::held::{Entry, Object};

/// The lock of this entry, without its holder and waiters. `name` is what libc or Python code calls it.
pub fn of_entry(entry: &Entry, name: Option<String>, acquired_stack: Vec<Frame>, resolver: &mut Resolver) -> Lock {
    let created_stack = (entry.made != NO_STACK).then(|| frames(resolver, depot::frames(entry.made), false));
    let module = resolver.modules().find(entry.address);
    let id = match (&name, module) {
        (Some(name), _) => lock_id::of_name(name),
        // The address of a libc lock is that of our own row for it.
        (None, Some(module)) if entry.object != Object::LibcRegion => of_global(module, entry.address),
        _ => lock_id::of_place(kind(entry.object), created_stack.as_ref().unwrap_or(&acquired_stack)),
    };
    Lock {
        address: address(entry.address),
        id: Some(id),
        kind: kind(entry.object),
        name,
        acquired_stack,
        created_stack,
        ..Lock::default()
    }
}

fn of_global(module: &Module, address: usize) -> String {
    let name = String::from_utf8_lossy(module.path());
    lock_id::of_global(&name, module.build_id(), address.wrapping_sub(module.base()))
}

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
