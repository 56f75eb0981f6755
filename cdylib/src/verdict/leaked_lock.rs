//! Which locks an ending thread leaks.

use forkwatch_process::memory::ProcessMemory;

use crate::snapshot::lock_memory::{self, Word};
use crate::state::held::{Entry, Object, Stage};
use crate::state::thread::Thread;

/// The locks that the thread with this id still holds. Left out are semaphores, which another thread may legitimately post
/// later, and libc's own locks, which libc releases when the thread is cancelled.
pub fn leaked(thread: &Thread, tid: i32) -> Vec<Entry> {
    let memory = ProcessMemory::own();
    thread
        .held
        .entries()
        .filter(|entry| {
            matches!(entry.stage, Stage::Held | Stage::AskedOrHeld)
                && !matches!(entry.object, Object::Semaphore | Object::LibcRegion)
        })
        .filter(|entry| lock_memory::word(memory, entry.object, entry.address, tid) == Word::Held)
        .filter(|entry| !lock_memory::is_robust_mutex(memory, entry.object, entry.address))
        .collect()
}
