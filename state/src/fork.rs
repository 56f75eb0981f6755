//! The order in which a fork takes the report lock, is copied, and gives the lock back.
//!
//! | step | what happens |
//! |---|---|
//! | [`Forks::before_copy`] | the thread is busy from here to step two; the report lock is taken, the fork looked at, the heap held |
//! | [`Forks::in_parent`] | both locks are given back, and the thread is no longer busy; it keeps what is to be reported |
//! | [`Forks::in_child`] | both locks are re-written |
//! | [`Forks::settle`] | in the parent: the finding is reported |
//!
//! Whoever holds the report lock is busy: so a fork from a signal handler never waits for a lock that its own thread holds. Between
//! step two and [`Forks::settle`] handlers of the program's run, who may jump away and never come back: no lock is held there.

use core::marker::PhantomData;
use core::time::Duration;

use crate::busy::{self, Busy, Words};
use crate::own_lock::OwnLock;
use crate::report_lock::{Guarded, ReportLock};
use crate::sync::{AtomicU64, Ordering};
use crate::system::System;

/// How far the fork of a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Copying {
    /// There is none, or nothing was to be done before it.
    No = 0,
    /// Our locks are held for the copy.
    Prepared,
    /// Our locks could not be had in time: the copy may find our state half-changed.
    Unprepared,
    /// A signal handler forks in the middle of our own code.
    Nested,
    /// The copy is made, and the parent's finding waits to be reported.
    Settling,
}

impl Copying {
    /// How far this thread's fork is.
    #[inline(always)]
    pub fn now<W: Words>() -> Self {
        let number = W::copying();
        let all = [Self::Prepared, Self::Unprepared, Self::Nested, Self::Settling];
        all.into_iter()
            .find(|copying| *copying as usize == number)
            .unwrap_or(Self::No)
    }

    /// Notes how far this thread's fork is.
    #[inline(always)]
    pub fn note<W: Words>(self) {
        W::set_copying(self as usize);
    }
}

/// The report lock, and the fork under way that belongs to its holder.
#[derive(Debug)]
pub struct Forks<F, S, W> {
    lock: OwnLock<S>,
    under_way: Guarded<Option<F>>,
    /// The signal mask of before, of the thread that holds the lock over a copy. Relaxed: only that thread uses it.
    mask: AtomicU64,
    words: PhantomData<fn() -> W>,
}

/// What is under way in a thread while another fork begins in it.
#[must_use]
#[derive(Debug)]
pub enum Outer<F> {
    /// Nothing that the inner fork could disturb.
    Nothing,
    /// A fork that is about to be copied. Our locks are held for it, and the inner one passes unwatched.
    Copying,
    /// A fork whose finding, if there is one, waits to be reported.
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

    /// Step one. `prepare` comes before the report lock is taken, `look` says what is then under way, and `hold` takes the other
    /// locks for the copy.
    pub fn before_copy(
        &self,
        patience: Duration,
        prepare: impl FnOnce(),
        look: impl FnOnce(&mut ReportLock),
        hold: impl FnOnce(),
    ) {
        let Some(busy) = Busy::<W>::enter() else {
            // A fork from a signal handler that interrupted our own code.
            Copying::Nested.note::<W>();
            return;
        };
        prepare();
        if !self.lock.lock_within(patience) {
            Copying::Unprepared.note::<W>();
            return;
        }
        // SAFETY: the lock was taken just now.
        #[expect(unsafe_code, reason = "the lock is held")]
        look(&mut unsafe { ReportLock::is_held() });
        hold();
        Copying::Prepared.note::<W>();
        // Relaxed: only this thread reads it, and the lock is between it and the next one that writes.
        self.mask.store(busy.stay(), Ordering::Relaxed);
    }

    /// Step two, in the parent. `release` gives back what `hold` took, and `keep` gets what is under way, for [`Self::settle`]. True
    /// where step one had something to do.
    pub fn in_parent(&self, release: impl FnOnce(), keep: impl FnOnce(&mut ReportLock, Option<F>)) -> bool {
        match Copying::now::<W>() {
            Copying::Prepared => {}
            other => {
                if other != Copying::Settling {
                    Copying::No.note::<W>();
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
        Copying::Settling.note::<W>();
        // Relaxed: this thread wrote it.
        let mask = self.mask.load(Ordering::Relaxed);
        self.lock.give_back();
        busy::end::<W>();
        W::let_signals(mask);
        true
    }

    /// Step two, in the child: how far the fork was. Except for [`Copying::No`] and [`Copying::Nested`] the report lock is free,
    /// and after [`Copying::Prepared`] the caller re-writes what `hold` took.
    #[inline(always)]
    pub fn in_child(&self) -> Copying {
        let copying = Copying::now::<W>();
        if copying != Copying::No {
            Copying::No.note::<W>();
        }
        if !matches!(copying, Copying::No | Copying::Nested) {
            self.lock.forget_in_child();
        }
        copying
    }

    /// In the child, after [`Copying::Prepared`], when all is done: the thread is busy no more.
    #[inline(always)]
    pub fn go_on_in_child(&self) {
        busy::end::<W>();
        // Relaxed: this thread wrote it, in the parent.
        W::let_signals(self.mask.load(Ordering::Relaxed));
    }

    /// In the child, which has one thread: the report lock is free, whoever held it at the copy.
    pub fn forget_in_child(&self) {
        self.lock.forget_in_child();
    }

    /// Step three, in the parent: `report` runs once for what was kept. False where nothing waits to be settled.
    pub fn settle(report: impl FnOnce()) -> bool {
        if Copying::now::<W>() != Copying::Settling {
            return false;
        }
        let _busy = Busy::<W>::from_here();
        Copying::No.note::<W>();
        report();
        true
    }

    /// Runs `work` while no fork of another thread's can be under way. `None` where that cannot be had within `patience`.
    pub fn while_none<R>(&self, patience: Duration, work: impl FnOnce(&mut ReportLock) -> R) -> Option<R> {
        // Before the lock: a fork of a signal handler's that comes in between passes.
        let _busy = Busy::<W>::from_here();
        if !self.lock.lock_within(patience) {
            return None;
        }
        // SAFETY: the lock was taken just now, and is given back behind the work.
        #[expect(unsafe_code, reason = "the lock is held")]
        let result = work(&mut unsafe { ReportLock::is_held() });
        self.lock.give_back();
        Some(result)
    }

    /// A fork begins inside of another one of the same thread, in an at-fork handler or a signal handler: sets aside what is under
    /// way. `take` gives what was kept for [`Self::settle`].
    pub fn set_aside(take: impl FnOnce() -> Option<F>) -> Outer<F> {
        match Copying::now::<W>() {
            Copying::Prepared => Outer::Copying,
            Copying::Settling => {
                let _busy = Busy::<W>::from_here();
                Copying::No.note::<W>();
                Outer::Settling(take())
            }
            _ => Outer::Nothing,
        }
    }

    /// In the parent: the inner fork is done, the outer one goes on.
    pub fn go_on(outer: Outer<F>, keep: impl FnOnce(Option<F>)) {
        match outer {
            Outer::Nothing => {}
            Outer::Copying => Copying::Prepared.note::<W>(),
            Outer::Settling(under_way) => {
                let _busy = Busy::<W>::from_here();
                keep(under_way);
                Copying::Settling.note::<W>();
            }
        }
    }

    /// What is under way; there is nothing afterwards.
    #[inline(always)]
    pub fn take(&self, lock: &mut ReportLock) -> Option<F> {
        self.under_way.get_mut(lock).take()
    }

    /// Says what is under way.
    pub fn put(&self, lock: &mut ReportLock, fork: Option<F>) {
        *self.under_way.get_mut(lock) = fork;
    }
}
