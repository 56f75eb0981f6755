//! Whether this process is a forked child, and of which kind of process. The flags lie in the page that a fork writes in any
//! case. Relaxed is enough for them, because they are set while the child has one thread.
#![expect(unsafe_code, reason = "statics in the section that a fork writes to")]

use core::sync::atomic::{AtomicBool, Ordering};

/// Every call that takes a lock is examined, because it may never return.
#[unsafe(link_section = ".data.forkwatch_fork")]
static WATCHED: AtomicBool = AtomicBool::new(false);
/// The parent had other threads: locks of libc and the loader may be held for ever.
#[unsafe(link_section = ".data.forkwatch_fork")]
static OF_THREADS: AtomicBool = AtomicBool::new(false);

/// The fork was held back until no other thread held a lock, so no other moment would have been worse.
#[unsafe(link_section = ".data.forkwatch_fork")]
static SETTLED: AtomicBool = AtomicBool::new(false);

/// Notes whether the fork that made this process was held back until no other thread held a lock.
#[inline(always)]
pub fn note_settled(is_settled: bool) {
    if is_settled != SETTLED.load(Ordering::Relaxed) {
        SETTLED.store(is_settled, Ordering::Relaxed);
    }
}

/// Whether the fork that made this process was held back until no other thread held a lock.
pub fn is_settled() -> bool {
    SETTLED.load(Ordering::Relaxed)
}

/// Notes that the parent had other threads.
#[inline(always)]
pub fn note_parent_had_threads() {
    OF_THREADS.store(true, Ordering::Relaxed);
}

/// Whether this process is the forked child of one that had other threads.
pub fn parent_had_threads() -> bool {
    OF_THREADS.load(Ordering::Relaxed)
}

/// Whether every call that takes a lock is examined.
#[inline(always)]
pub fn is_watched() -> bool {
    WATCHED.load(Ordering::Relaxed)
}

/// From now on every call that takes a lock is examined.
#[inline(always)]
pub fn watch() {
    WATCHED.store(true, Ordering::Relaxed);
}
