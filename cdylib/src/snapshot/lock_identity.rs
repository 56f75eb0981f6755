//! What a lock is called, and what makes it the same one in other runs and on other hosts.

use forkwatch_process::resolver::Resolver;
use forkwatch_schema::lock_id;
use forkwatch_schema::record::{Frame, LockKind};

use super::names::frames;
use crate::state::depot::{self, NO_STACK};
use crate::state::held::{Entry, Object};
use crate::state::makers;

/// The lock's name and id, and where it was made, if that was seen.
#[derive(Debug)]
pub struct LockIdentity {
    /// What libc, Python code or the symbol table calls it; `None` where nothing does.
    pub name: Option<String>,
    /// 16 hex digits.
    pub id: String,
    /// Innermost first.
    pub created_stack: Option<Vec<Frame>>,
}

impl LockIdentity {
    /// The identity of the lock of this entry. `name` is what libc or Python code calls it.
    pub fn new(entry: &Entry, name: Option<String>, acquired_stack: &[Frame], resolver: &mut Resolver) -> Self {
        // The interpreter makes all of Python's locks at one place.
        let made = if entry.made == NO_STACK {
            makers::of(entry.address)
        } else {
            entry.made
        };
        let was_seen = made != NO_STACK && name.is_none();
        let created_stack = was_seen.then(|| frames(resolver, depot::frames(made), false));
        // The address of a libc lock is that of our own row for it.
        let module = (entry.object != Object::LibcRegion).then(|| resolver.modules().find(entry.address));
        let id = match (&name, module.flatten()) {
            (Some(name), _) => lock_id::of_name(name),
            (None, Some(module)) => {
                let path = String::from_utf8_lossy(module.path());
                lock_id::of_global(&path, module.build_id(), entry.address.wrapping_sub(module.base()))
            }
            (None, None) => lock_id::of_place(kind(entry.object), created_stack.as_deref().unwrap_or(acquired_stack)),
        };
        Self {
            name: name.or_else(|| resolver.name_of_variable(entry.address)),
            id,
            created_stack,
        }
    }
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
        Object::Mutex | Object::Condition | Object::PythonLock => LockKind::Mutex,
    }
}
