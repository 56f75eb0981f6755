//! The fork record that a thread keeps until it can report it, and the one that is reused for the next fork.
#![expect(unsafe_code, reason = "a thread word holds a box")]

use crate::snapshot::handled_locks;
use crate::state::report_lock::{Guarded, ReportLock};
use crate::system::thread_word::{self, Word};
use crate::verdict::fork_record::ForkRecord;
use crate::verdict::known::KnownFork;

/// The last fork that was only counted. The next one is usually the same, and then no page has to be written for it, which
/// would cost a page fault at every fork.
#[unsafe(link_section = ".data.forkwatch_fork")]
static COUNTED: Guarded<Option<Box<ForkRecord>>> = Guarded::new(None);

/// The record of a fork that is only counted.
pub(super) fn counted(lock: &mut ReportLock, known: KnownFork) -> Box<ForkRecord> {
    let last = COUNTED.get_mut(lock).take();
    last.filter(|last| last.origin == known.origin && last.python_locks.is_empty())
        .unwrap_or_else(|| ForkRecord::new(known.origin, None, Vec::new()))
}

/// In the parent, after the copy: a fork to report becomes this thread's alone, and waits without any lock until the program's
/// own handlers have run, which may take long or never return.
pub(super) fn keep_or_count(lock: &mut ReportLock, mut fork: Option<Box<ForkRecord>>) {
    handled_locks::parent_goes_on();
    if let Some(counted) = fork.take_if(|fork| fork.seen.is_none()) {
        *COUNTED.get_mut(lock) = Some(counted);
    }
    keep(fork);
}

/// This thread has this fork to report.
pub(super) fn keep(fork: Option<Box<ForkRecord>>) {
    let place = fork.map_or(core::ptr::null_mut(), Box::into_raw);
    thread_word::set(Word::PendingFork, place as usize);
}

/// Whether this thread has a fork to report.
pub(super) fn has_any() -> bool {
    thread_word::get(Word::PendingFork) != 0
}

/// The fork that this thread has to report; there is none afterwards.
pub(super) fn take() -> Option<Box<ForkRecord>> {
    let fork = thread_word::get(Word::PendingFork) as *mut ForkRecord;
    thread_word::set(Word::PendingFork, 0);
    // SAFETY: only `keep` sets the word, to a box that it owned, and the word was cleared just now.
    (!fork.is_null()).then(|| unsafe { Box::from_raw(fork) })
}
