//! The gate at which threads wait while another thread forks: one that holds no lock stops before it takes one.
//!
//! | who | what, in this order |
//! |---|---|
//! | the forking thread | closes the gate ([`Gate::close`]); asks the kernel for a barrier in every thread; takes each thread off its hot path; a barrier again; then looks for entries |
//! | any other thread | makes its entry; sees whether it is on its hot path; if not, sees whether the gate is closed, and if so removes the entry and waits ([`Gate::pass`]) |
//!
//! Either the forking thread sees the entry, or the other thread sees that it must look at the gate: each writes first and reads
//! afterwards, with a barrier in between. The other threads' barrier is a light one, for the compiler only, because the forking thread
//! pays for both sides.
//!
//! A thread waits a limited time. It opens the gate if one closing lasts for all of it: the thread that closed it may have left its fork
//! by a jump.

use core::marker::PhantomData;
use core::time::Duration;

use crate::held::Ticket;
use crate::record::Record;
use crate::sync::{AtomicU32, AtomicUsize, Ordering, fence, light_barrier};
use crate::system::System;

/// The gate. Its word counts how often it was closed and opened: odd while it is closed.
#[derive(Debug)]
pub struct Gate<S> {
    word: AtomicU32,
    /// The record of the thread that closed it, which may pass; 0 for none.
    closer: AtomicUsize,
    system: PhantomData<fn() -> S>,
}

/// One closing of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing(u32);

impl<S: System> Gate<S> {
    /// An open gate.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self {
            word: AtomicU32::new(0),
            closer: AtomicUsize::new(0),
            system: PhantomData,
        }
    }

    /// An open gate.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self {
            word: AtomicU32::new(0),
            closer: AtomicUsize::new(0),
            system: PhantomData,
        }
    }

    /// Whether it is closed.
    #[inline(always)]
    pub fn is_closed(&self) -> bool {
        // Relaxed: the barriers order it, as the table above says.
        self.word.load(Ordering::Relaxed) & 1 != 0
    }

    /// Closes it for every thread but the one with this record; `None` where another thread has closed it.
    pub fn close(&self, record: &Record) -> Option<Closing> {
        // Relaxed: the exchange decides.
        let open = self.word.load(Ordering::Relaxed);
        let closed = open.wrapping_add(1);
        if open & 1 != 0 {
            return None;
        }
        // SeqCst: with the fence of `take_off_hot_paths`, comes before the words that this thread clears then.
        self.word
            .compare_exchange(open, closed, Ordering::SeqCst, Ordering::Relaxed)
            .ok()?;
        // Relaxed: only this thread compares it with its own record.
        self.closer
            .store(core::ptr::from_ref(record) as usize, Ordering::Relaxed);
        Some(Closing(closed))
    }

    /// Takes these threads off their hot paths. `barrier` is one in every thread of the process.
    pub fn take_off_hot_paths<'r>(&self, records: impl Iterator<Item = &'r Record>, barrier: impl Fn()) {
        barrier();
        records.for_each(Record::leave_hot_path);
        barrier();
    }

    /// Whether this closing still lasts.
    pub fn is_still(&self, closing: Closing) -> bool {
        // Relaxed: a later value only means that others may have passed.
        self.word.load(Ordering::Relaxed) == closing.0
    }

    /// Whether the thread with this record has closed it.
    pub fn is_closed_by(&self, record: &Record) -> bool {
        // Relaxed: only this thread's own store can match.
        self.closer.load(Ordering::Relaxed) == core::ptr::from_ref(record) as usize
    }

    /// Ends this closing, if it still lasts, and wakes those that wait.
    pub fn open(&self, closing: Closing) {
        // Relaxed: see `close`. Before the gate opens, so that it is not the next closer's.
        self.closer.store(0, Ordering::Relaxed);
        self.end(closing.0);
    }

    fn end(&self, closed: u32) {
        let opened = closed.wrapping_add(1);
        // Release: what the closer did comes before what a thread does that has waited for it. Relaxed on failure: it is open.
        if self
            .word
            .compare_exchange(closed, opened, Ordering::Release, Ordering::Relaxed)
            .is_ok()
        {
            S::wake_all(&self.word);
        }
    }

    /// Waits until it is open, at most this long. Opens it if the same closing has lasted for `limit` then: a thread that has waited for
    /// other forks before may be at the end of its time as soon as the next fork begins. `now` is the time since any fixed point.
    pub fn wait(&self, at_most: Duration, limit: Duration, now: impl Fn() -> Duration) {
        let began = now();
        // Relaxed: only compared.
        let first = self.word.load(Ordering::Relaxed);
        loop {
            // Acquire: pairs with the exchange of `end`.
            let word = self.word.load(Ordering::Acquire);
            if word & 1 == 0 {
                return;
            }
            let waited = now().saturating_sub(began);
            if waited >= at_most {
                if word == first && waited >= limit {
                    self.end(word);
                }
                return;
            }
            S::sleep_while(&self.word, word, Some(at_most.saturating_sub(waited)));
        }
    }

    /// What a thread does that has made an entry and found itself off its hot path. Returns the entry with which it goes on; `None` where
    /// `ask` found no place for a new one. `may_wait` says whether it holds nothing that others need, and `wait` waits, and whether the
    /// thread may wait again.
    pub fn pass<'t>(
        &self,
        record: &'t Record,
        mut ticket: Ticket<'t>,
        has_hot_path: bool,
        may_wait: impl Fn() -> bool,
        mut wait: impl FnMut() -> bool,
        ask: impl Fn() -> Option<Ticket<'t>>,
    ) -> Option<Ticket<'t>> {
        let mut has_time = true;
        if record.is_at_gate() {
            // A signal handler runs in a thread that waits here, or has jumped away from the wait.
            record.set_at_gate(false);
        }
        loop {
            // The entry comes before the look.
            light_barrier();
            if !self.is_closed() {
                if has_hot_path {
                    self.return_to_hot_path(record);
                }
                return Some(ticket);
            }
            if !has_time || self.is_closed_by(record) || !may_wait() {
                return Some(ticket);
            }
            record.held.did_not_take(ticket);
            record.set_at_gate(true);
            has_time = wait();
            record.set_at_gate(false);
            ticket = ask()?;
        }
    }

    /// What a thread does that holds something and waits all the same, because the child may free it. `wait` waits, and returns whether the
    /// thread may wait again: the gate may have been closed anew before the thread has left it.
    pub fn stay(&self, record: &Record, mut wait: impl FnMut() -> bool) {
        loop {
            record.set_at_gate(true);
            let has_time = wait();
            record.set_at_gate(false);
            // The thread that closes the gate looks whether this one is at it.
            light_barrier();
            if !has_time || !self.is_closed() {
                return;
            }
        }
    }

    /// A thread that found the gate open takes its hot path again, unless the gate is closed meanwhile.
    pub fn return_to_hot_path(&self, record: &Record) {
        record.enter_hot_path();
        // SeqCst: either the thread that closes the gate clears the word after this store, or this load sees that it is closed.
        fence(Ordering::SeqCst);
        if self.is_closed() {
            record.leave_hot_path();
        }
    }

    /// In the child of a fork, which has one thread: opens it.
    #[inline(always)]
    pub fn open_in_child(&self) {
        if self.is_closed() {
            // Relaxed: this is the only thread.
            self.closer.store(0, Ordering::Relaxed);
            self.word.store(0, Ordering::Relaxed);
        }
    }
}

impl<S: System> Default for Gate<S> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use core::cell::Cell;
    use core::time::Duration;

    use super::{Closing, Gate};
    use crate::record::Record;
    use crate::system::System;
    use crate::system::tests::Kernel;

    const LIMIT: Duration = Duration::from_millis(100);

    fn record() -> &'static Record {
        let place = Kernel::reserve(size_of::<Record>()).unwrap().cast::<Record>();
        // SAFETY: all-zero is a record's first state, and it is never given back.
        #[expect(unsafe_code, reason = "a zeroed record, as the kernel gives it")]
        unsafe {
            place.as_ref()
        }
    }

    /// Whether a wait of this length opens a gate that is closed; `after` runs at each look at the clock, which is a millisecond on then.
    fn opens(at_most: Duration, after: impl Fn(&Gate<Kernel>, &Cell<Closing>, Duration)) -> bool {
        let gate = Gate::<Kernel>::new();
        let closing = Cell::new(gate.close(record()).unwrap());
        let time = Cell::new(Duration::ZERO);
        gate.wait(at_most, LIMIT, || {
            time.set(time.get() + Duration::from_millis(1));
            after(&gate, &closing, time.get());
            time.get()
        });
        !gate.is_still(closing.get())
    }

    #[test]
    fn a_closing_that_lasts_too_long_is_ended() {
        assert!(opens(LIMIT, |_, _, _| ()));
    }

    #[test]
    fn a_thread_with_little_time_left_ends_no_closing() {
        assert!(!opens(LIMIT / 2, |_, _, _| ()));
    }

    #[test]
    fn a_closing_that_follows_another_is_not_ended() {
        let next_fork = |gate: &Gate<Kernel>, closing: &Cell<Closing>, now: Duration| {
            if now == LIMIT / 2 {
                gate.open(closing.get());
                closing.set(gate.close(record()).unwrap());
            }
        };
        assert!(!opens(LIMIT, next_fork));
    }
}
