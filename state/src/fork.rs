//! The steps in which a fork takes the report lock, is copied, and releases the lock.
//!
//! | step | what happens |
//! |---|---|
//! | [`Forks::before_copy`] | the thread is busy from here to step two; takes the report lock, examines the fork, and locks the heap |
//! | [`Forks::in_parent`] | releases both locks, and the thread is no longer busy; it keeps the fork record to report |
//! | [`Forks::in_child`] | resets both locks |
//! | [`Forks::settle`] | in the parent: the finding is reported |
//!
//! The holder of the report lock is busy, so a fork from a signal handler never waits for a lock that its own thread holds.
//! Between step two and [`Forks::settle`] the program's handlers run, which may jump away and never return: no lock is held then.

use core::marker::PhantomData;
use core::time::Duration;

use crate::busy::{self, Busy, Words};
use crate::own_lock::OwnLock;
use crate::report_lock::{Guarded, ReportLock};
use crate::sync::{AtomicU64, Ordering};
use crate::system::System;

/// The phase of a thread's fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum ForkPhase {
    /// There is no fork, or nothing had to be done before it.
    Idle = 0,
    /// Our locks are held for the copy.
    Prepared = 1,
    /// Our locks could not be had in time: the copy may find our state half-changed.
    Unprepared = 2,
    /// The fork is made by a signal handler that interrupted our own code.
    Nested = 3,
    /// The copy is made, and the parent's finding is not reported yet.
    Settling = 4,
}

impl ForkPhase {
    /// The phase of this thread's fork.
    #[inline(always)]
    pub fn now<W: Words>() -> Self {
        match W::fork_phase() {
            1 => Self::Prepared,
            2 => Self::Unprepared,
            3 => Self::Nested,
            4 => Self::Settling,
            _ => Self::Idle,
        }
    }

    /// Notes the phase of this thread's fork.
    #[inline(always)]
    pub fn note<W: Words>(self) {
        W::set_fork_phase(self as usize);
    }
}

/// The report lock, and the fork record under way, which belongs to its holder.
#[derive(Debug)]
pub struct Forks<F, S, W> {
    lock: OwnLock<S>,
    under_way: Guarded<Option<F>>,
    /// The previous signal mask of the thread that holds the lock across a copy. Relaxed: only that thread uses it.
    mask: AtomicU64,
    words: PhantomData<fn() -> W>,
}

/// What is under way in a thread while another fork begins in it.
#[must_use]
#[derive(Debug)]
pub enum Outer<F> {
    /// Nothing that the inner fork could disturb.
    Nothing,
    /// A fork that is about to be copied. Our locks are held for it, and the inner one goes unwatched.
    Copying,
    /// A fork whose finding, if there is one, is not reported yet.
    Settling(Option<F>),
}

impl<F, S: System, W: Words> Forks<F, S, W> {
    /// No fork is under way.
    ///
    /// # Safety
    /// The process has no other, so that a [`ReportLock`] proves that this one's lock is held.
    #[cfg(not(loom))]
    #[expect(unsafe_code, reason = "there must be one alone")]
    pub const unsafe fn only() -> Self {
        Self {
            lock: OwnLock::new(),
            under_way: Guarded::new(None),
            mask: AtomicU64::new(0),
            words: PhantomData,
        }
    }

    /// No fork is under way.
    ///
    /// # Safety
    /// The process has no other, so that a [`ReportLock`] proves that this one's lock is held.
    #[cfg(loom)]
    #[expect(unsafe_code, reason = "there must be one alone")]
    pub unsafe fn only() -> Self {
        Self {
            lock: OwnLock::new(),
            under_way: Guarded::new(None),
            mask: AtomicU64::new(0),
            words: PhantomData,
        }
    }

    /// Step one. `prepare` runs before the report lock is taken, `look` sets what is then under way, and `hold` takes the other
    /// locks for the copy.
    pub fn before_copy(
        &self,
        timeout: Duration,
        prepare: impl FnOnce(),
        look: impl FnOnce(&mut ReportLock),
        hold: impl FnOnce(),
    ) {
        let Some(busy) = Busy::<W>::enter() else {
            // A fork from a signal handler that interrupted our own code.
            ForkPhase::Nested.note::<W>();
            return;
        };
        prepare();
        if !self.lock.acquire_within(timeout) {
            ForkPhase::Unprepared.note::<W>();
            return;
        }
        // SAFETY: the lock was taken just now.
        #[expect(unsafe_code, reason = "the lock is held")]
        look(&mut unsafe { ReportLock::is_held() });
        hold();
        ForkPhase::Prepared.note::<W>();
        // Relaxed: only this thread reads it, and the lock orders it before the next thread's store.
        self.mask.store(busy.stay(), Ordering::Relaxed);
    }

    /// Step two, in the parent. `release` releases what `hold` took, and `keep` gets what is under way, for [`Self::settle`]. True
    /// if step one had something to do.
    pub fn in_parent(&self, release: impl FnOnce(), keep: impl FnOnce(&mut ReportLock, Option<F>)) -> bool {
        match ForkPhase::now::<W>() {
            ForkPhase::Prepared => {}
            other => {
                if other != ForkPhase::Settling {
                    ForkPhase::Idle.note::<W>();
                }
                return false;
            }
        }
        release();
        // SAFETY: this thread holds the lock since `before_copy`, whose own proof is gone.
        #[expect(unsafe_code, reason = "the lock is held")]
        let mut lock = unsafe { ReportLock::is_held() };
        let under_way = self.take(&mut lock);
        keep(&mut lock, under_way);
        ForkPhase::Settling.note::<W>();
        // Relaxed: this thread wrote it.
        let mask = self.mask.load(Ordering::Relaxed);
        self.lock.release();
        busy::end::<W>();
        W::restore_signals(mask);
        true
    }

    /// Step two, in the child: returns the phase of the fork. Except for [`ForkPhase::Idle`] and [`ForkPhase::Nested`] the report
    /// lock is free, and after [`ForkPhase::Prepared`] the caller resets what `hold` took.
    #[inline(always)]
    pub fn in_child(&self) -> ForkPhase {
        let phase = ForkPhase::now::<W>();
        if phase != ForkPhase::Idle {
            ForkPhase::Idle.note::<W>();
        }
        if !matches!(phase, ForkPhase::Idle | ForkPhase::Nested) {
            self.lock.forget_in_child();
        }
        phase
    }

    /// In the child, after [`ForkPhase::Prepared`], as the last step: the thread is no longer busy.
    #[inline(always)]
    pub fn resume_in_child(&self) {
        busy::end::<W>();
        // Relaxed: this thread wrote it, in the parent.
        W::restore_signals(self.mask.load(Ordering::Relaxed));
    }

    /// In the child, which has one thread: frees the report lock, whichever thread held it at the copy.
    pub fn forget_in_child(&self) {
        self.lock.forget_in_child();
    }

    /// Step three, in the parent: runs `report` once for what was kept. False if there is nothing to settle.
    pub fn settle(report: impl FnOnce()) -> bool {
        if ForkPhase::now::<W>() != ForkPhase::Settling {
            return false;
        }
        let _busy = Busy::<W>::from_here();
        ForkPhase::Idle.note::<W>();
        report();
        true
    }

    /// Runs `work` with the report lock, so that no other thread's fork is under way. `None` where the lock cannot be had within
    /// `timeout`.
    pub fn with_lock<R>(&self, timeout: Duration, work: impl FnOnce(&mut ReportLock) -> R) -> Option<R> {
        // Before the lock, so that a fork from a signal handler in between passes straight through.
        let _busy = Busy::<W>::from_here();
        if !self.lock.acquire_within(timeout) {
            return None;
        }
        // SAFETY: the lock was taken just now, and is released after the work.
        #[expect(unsafe_code, reason = "the lock is held")]
        let result = work(&mut unsafe { ReportLock::is_held() });
        self.lock.release();
        Some(result)
    }

    /// A fork begins inside another one of the same thread, in an at-fork handler or a signal handler: sets aside what is under
    /// way. `take` returns what was kept for [`Self::settle`].
    pub fn set_aside(take: impl FnOnce() -> Option<F>) -> Outer<F> {
        match ForkPhase::now::<W>() {
            ForkPhase::Prepared => Outer::Copying,
            ForkPhase::Settling => {
                let _busy = Busy::<W>::from_here();
                ForkPhase::Idle.note::<W>();
                Outer::Settling(take())
            }
            _ => Outer::Nothing,
        }
    }

    /// In the parent: the inner fork is done, and the outer one continues.
    pub fn resume(outer: Outer<F>, keep: impl FnOnce(Option<F>)) {
        match outer {
            Outer::Nothing => {}
            Outer::Copying => ForkPhase::Prepared.note::<W>(),
            Outer::Settling(under_way) => {
                let _busy = Busy::<W>::from_here();
                keep(under_way);
                ForkPhase::Settling.note::<W>();
            }
        }
    }

    /// Takes what is under way.
    #[inline(always)]
    pub fn take(&self, lock: &mut ReportLock) -> Option<F> {
        self.under_way.get_mut(lock).take()
    }

    /// Sets what is under way.
    pub fn put(&self, lock: &mut ReportLock, fork: Option<F>) {
        *self.under_way.get_mut(lock) = fork;
    }
}
