//! Which locks an ending thread leaks.

use forkwatch_process::memory::ProcessMemory;
use forkwatch_process::modules::Modules;

use crate::snapshot::lock_memory::{self, Word};
use crate::state::depot;
use crate::state::held::{Entry, Object, Stage};
use crate::state::thread::Thread;

/// Libraries whose threads end by design with a lock that the library took, as the process ends: nobody needs it any more.
const BY_DESIGN: &[&str] = &["libjvm.so"];

/// Whether the library that took the lock of this entry leaves it locked by design.
pub fn is_by_design(entry: &Entry, modules: &Modules) -> bool {
    let first = depot::frames(entry.stack).first();
    let library = first.and_then(|address| Some(modules.find(address.wrapping_sub(1))?.base_name()));
    library.is_some_and(|library| BY_DESIGN.contains(&&*library))
}

/// The locks that the thread with this id still holds. Left out are semaphores and the like, which another thread may legitimately post
/// later, and libc's own locks, which libc releases when the thread is cancelled.
pub fn leaked(thread: &Thread, tid: i32) -> Vec<Entry> {
    let memory = ProcessMemory::own();
    thread
        .held
        .entries()
        .filter(|entry| {
            matches!(entry.stage, Stage::Held | Stage::AskedOrHeld)
                && !entry.object.may_signal()
                && entry.object != Object::LibcRegion
        })
        .filter(|entry| lock_memory::word(memory, entry.object, entry.address, tid) == Word::Held)
        .filter(|entry| !lock_memory::is_robust_mutex(memory, entry.object, entry.address))
        .collect()
}
