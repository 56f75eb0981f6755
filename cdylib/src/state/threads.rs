//! The threads of this process: see [`forkwatch_state::threads`].

pub use forkwatch_state::threads::Life;
use forkwatch_state::threads::Threads;

use super::thread::{Origin, Thread};
use crate::system::kernel::Kernel;

static THREADS: Threads<Thread, Kernel> = Threads::new();

/// Takes a free place for a thread that is about to be created; `None` where the table is full or memory is short.
pub fn reserve(origin: Origin) -> Option<&'static Thread> {
    THREADS.reserve(origin)
}

/// The thread of this record runs now, under this id.
pub fn run(thread: &Thread, tid: i32) {
    THREADS.run(thread, tid);
}

/// The thread of this record has run the last of our code, and must not use the record again.
pub fn end(thread: &Thread) {
    THREADS.end(thread);
}

/// Frees a place whose thread was not created.
pub fn cancel(thread: &Thread) {
    THREADS.cancel(thread);
}

/// Every thread: its stage of life, its id, its record.
pub fn all() -> impl Iterator<Item = (Life, i32, &'static Thread)> {
    THREADS.all()
}

/// Whether the thread with this id has run the last of our code, and holds nothing; the kernel may still list it.
pub fn has_ended(tid: i32) -> bool {
    THREADS.has_ended(tid)
}

/// In the child of a fork: this thread, under its new id, is the only one.
pub fn only_this_remains(thread: &Thread, tid: i32) {
    THREADS.only_this_remains(thread, tid);
}
