//! The forks that a process descends from: what every thread may read about each, and what belongs to the holder of the report
//! lock.
//!
//! The list only changes while the process has one thread. So every thread may read it and what was written by then; what changes
//! later is stored separately, guarded by the report lock.

use alloc::vec::Vec;

use crate::report_lock::{Guarded, ReportLock};
use crate::sync::UnsafeCell;

/// The most forks in one line of descent that are remembered apart.
const MAX_FORKS: usize = 16;

#[derive(Debug)]
struct Fork<R, L> {
    read_by_all: R,
    locked: Guarded<L>,
}

/// The list, oldest first.
#[derive(Debug)]
pub struct Lineage<R, L> {
    /// The fork that made this process, until [`Lineage::settle`]: what its parent has prepared, and the child's id.
    newest: UnsafeCell<Option<(L, i32)>>,
    settled: UnsafeCell<Vec<Fork<R, L>>>,
}

// SAFETY: the cells are written while the process has one thread.
#[expect(unsafe_code, reason = "cells with an order of their own")]
unsafe impl<R: Send + Sync, L: Send> Sync for Lineage<R, L> {}

#[expect(unsafe_code, reason = "cells with an order of their own")]
impl<R, L> Lineage<R, L> {
    /// A process that no fork made.
    #[cfg(not(loom))]
    pub const fn empty() -> Self {
        Self {
            newest: UnsafeCell::new(None),
            settled: UnsafeCell::new(Vec::new()),
        }
    }

    /// A process that no fork made.
    #[cfg(loom)]
    pub fn empty() -> Self {
        Self {
            newest: UnsafeCell::new(None),
            settled: UnsafeCell::new(Vec::new()),
        }
    }

    /// This process, of this id, is the child of this fork. Writes two words.
    ///
    /// # Safety
    /// This thread is the only one, and `settle` has run since the last fork.
    #[inline(always)]
    pub unsafe fn begin(&self, fork: L, child: i32) {
        // SAFETY: the caller's promise.
        self.newest.with_mut(|newest| unsafe { *newest = Some((fork, child)) });
    }

    /// Whether the fork that made this process is not in the list yet.
    #[inline(always)]
    pub fn is_unsettled(&self) -> bool {
        // SAFETY: as long as there is a fork here, this thread is the only one; afterwards nobody writes.
        self.newest.with(|newest| unsafe { (*newest).is_some() })
    }

    /// Puts the newest fork into the list, if it is not there yet. `read` is what all threads may read of it.
    ///
    /// # Safety
    /// This thread is the only one.
    pub unsafe fn settle(&self, read: impl FnOnce(&mut L, i32) -> R) {
        // SAFETY: the caller's promise.
        let Some((mut fork, child)) = self.newest.with_mut(|newest| unsafe { (*newest).take() }) else {
            return;
        };
        let read_by_all = read(&mut fork, child);
        self.settled.with_mut(|settled| {
            // SAFETY: the caller's promise.
            let settled = unsafe { &mut *settled };
            // The oldest stay, because orphans name their fork by its number.
            settled.truncate(MAX_FORKS - 1);
            settled.push(Fork {
                read_by_all,
                locked: Guarded::new(fork),
            });
        });
    }

    /// What every thread may read about the newest fork: from `unsettled` before [`Self::settle`], from `settled` afterwards.
    /// Changes nothing, so that the child of a `vfork` may call it.
    #[inline(always)]
    pub fn newest<T>(&self, unsettled: impl FnOnce(&L, i32) -> T, settled: impl FnOnce(&R) -> T) -> Option<T> {
        self.newest.with(|newest| {
            // SAFETY: as long as there is a fork here, this thread is the only one; afterwards nobody writes.
            if let Some((fork, child)) = unsafe { &*newest } {
                return Some(unsettled(fork, *child));
            }
            // SAFETY: nobody writes any more.
            self.settled
                .with(|forks| unsafe { &*forks }.last().map(|fork| settled(&fork.read_by_all)))
        })
    }

    /// The number of forks.
    pub fn count(&self) -> usize {
        // SAFETY: as in `newest`.
        let settled = self.settled.with(|forks| unsafe { &*forks }.len());
        settled + usize::from(self.is_unsettled())
    }

    /// What belongs to the holder of the report lock, of the fork of this number.
    pub fn get<'a>(&'a self, number: usize, lock: &'a ReportLock) -> Option<&'a L> {
        Some(self.guarded(number)?.get(lock))
    }

    /// The same, to be changed.
    pub fn get_mut<'a>(&'a self, number: usize, lock: &'a mut ReportLock) -> Option<&'a mut L> {
        Some(self.guarded(number)?.get_mut(lock))
    }

    fn guarded(&self, number: usize) -> Option<&Guarded<L>> {
        // SAFETY: as in `newest`. A fork that is in the list stays.
        let forks = self.settled.with(|forks| unsafe { &*forks });
        forks.get(number).map(|fork| &fork.locked)
    }
}

impl<R, L> Default for Lineage<R, L> {
    fn default() -> Self {
        Self::empty()
    }
}
