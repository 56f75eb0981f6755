//! Whether this process is a forked child, and of which sort of process.
//!
//! The thread that forked knows it by a thread word, which costs the child of a lone thread no page of its own; that a child
//! of threads, or one that inherited locks, is watched is known to all of its threads.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::system::thread_word::{self, Word};

/// What this process is to this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub enum Descent {
    /// No child that was forked by this thread.
    Unknown = 0,
    /// A child whose parent had no other thread.
    OfLone,
    /// A child whose parent, or whose parent's parent, had other threads.
    OfThreads,
}

/// Every call that takes a lock is looked at, because it may never return.
static WATCHED: AtomicBool = AtomicBool::new(false);
/// The parent had other threads: locks of libc's and the loader's may be held for ever.
static OF_THREADS: AtomicBool = AtomicBool::new(false);

impl Descent {
    /// What this thread knows.
    pub fn now() -> Self {
        match thread_word::get(Word::Descent) {
            1 => Self::OfLone,
            2 => Self::OfThreads,
            _ => Self::Unknown,
        }
    }

    /// Notes that this thread has just come out of a fork as this sort of child. What is known already and weighs more stays.
    pub fn note(self) {
        if self > Self::now() {
            thread_word::set(Word::Descent, self as usize);
        }
        if self == Self::OfThreads {
            OF_THREADS.store(true, Ordering::Relaxed);
        }
    }
}

/// Whether this process was forked by one that had other threads, and has not become another program since.
pub fn is_child_of_threads() -> bool {
    OF_THREADS.load(Ordering::Relaxed)
}

/// Whether every call that takes a lock is looked at.
pub fn is_watched() -> bool {
    WATCHED.load(Ordering::Relaxed)
}

/// From now on every call that takes a lock is looked at.
pub fn watch() {
    WATCHED.store(true, Ordering::Relaxed);
}
