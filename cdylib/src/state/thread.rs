//! One thread's record, and how a hook finds the record of its own thread.
//!
//! The thread word says whether our own code runs in the thread: see [`forkwatch_state::busy`]. So a `&Thread` from
//! [`Thread::current`] is also the proof that the hook may touch state.

use core::cell::UnsafeCell;
use core::ops::Deref;

use forkwatch_state::busy::{self, BUSY, UNKNOWN};
pub use forkwatch_state::record::Origin;
use forkwatch_state::record::Record;
use forkwatch_state::system::FromZeros;
use forkwatch_state::threads::HasRecord;

use super::depot::StackId;
use super::forked_child;
use super::settling::GATE;
use super::stack_cache::{self, Caller, StackCache};
use crate::system::errno::KeepErrno;
use crate::system::thread_word::{self, ThisThread, Word};

/// While it lives, hooks of this thread pass straight through: see [`busy::Busy`].
pub type Busy = busy::Busy<ThisThread>;

/// What we know about one thread. Zeroed memory is its valid first state; it has pages of its own, so that they can be returned
/// to the kernel.
#[derive(Debug)]
#[repr(C, align(4096))]
pub struct Thread {
    /// What other threads may read. The first field, as `own_stack_bounds` expects.
    record: Record,
    /// Only this thread itself looks inside.
    cache: UnsafeCell<StackCache>,
}

// SAFETY: zero is the first state of both parts. Only the thread itself looks into its cache.
#[expect(unsafe_code, reason = "a promise about a zeroed record")]
unsafe impl FromZeros for Thread {}

// SAFETY: only the thread itself looks into its cache, and all else is atomic.
#[expect(unsafe_code, reason = "the cache belongs to its thread alone")]
unsafe impl Sync for Thread {}

impl HasRecord for Thread {
    fn record(&self) -> &Record {
        &self.record
    }
}

impl Deref for Thread {
    type Target = Record;

    #[inline(always)]
    fn deref(&self) -> &Record {
        &self.record
    }
}

impl Thread {
    /// This thread's record, if the hook may touch state.
    #[inline(always)]
    pub fn current() -> Option<&'static Self> {
        let word = thread_word::record();
        // SAFETY: a word above BUSY is the address of this thread's record, which lies in a region that is never given back.
        #[expect(unsafe_code, reason = "the thread word is a record's address")]
        (word.cast_signed() > BUSY).then(|| unsafe { &*(word as *const Self) })
    }

    /// This thread's record, also while our own code runs in it; `None` in a thread that no hook has seen, or that has ended.
    #[inline(always)]
    pub fn even_if_busy() -> Option<&'static Self> {
        let word = thread_word::record().cast_signed();
        let address = word.unsigned_abs();
        // SAFETY: as in `current`; a negative word is the negated address of the same record.
        #[expect(unsafe_code, reason = "the thread word is a record's address")]
        (!(UNKNOWN..=BUSY).contains(&word)).then(|| unsafe { &*(address as *const Self) })
    }

    /// Whether no hook has seen this thread.
    pub fn is_unknown() -> bool {
        thread_word::record().cast_signed() == UNKNOWN
    }

    /// The id of the stack that ends in this call, if only one is known: see [`StackCache::known_only`].
    #[inline(always)]
    pub fn known_only_stack(&self, caller: Caller) -> Option<StackId> {
        self.cache().known_only(caller)
    }

    /// The id of the stack that ends in this call, if it is the first candidate among several: see [`StackCache::known_among`].
    #[inline(always)]
    pub fn known_stack_among(&self, caller: Caller) -> Option<StackId> {
        self.cache().known_among(caller, (self.stack_low(), self.stack_span()))
    }

    /// The id of the stack that ends in this call, if the cache finds it without unwinding.
    #[inline(always)]
    pub fn known_stack(&self, caller: Caller) -> Option<StackId> {
        // Written out: the compiler would call `or_else`.
        match self.known_only_stack(caller) {
            Some(stack) => Some(stack),
            None => self.known_stack_among(caller),
        }
    }

    /// The id of the stack that ends in this call, from the cache if it is known, or else from the unwinder.
    #[inline(always)]
    pub fn stack_of(&self, caller: Caller) -> StackId {
        self.known_stack(caller).unwrap_or_else(|| self.stack_at(caller))
    }

    #[inline(always)]
    fn cache(&self) -> &StackCache {
        // SAFETY: only its own thread reaches a record's cache, and while it changes the thread is busy.
        #[expect(unsafe_code, reason = "the cache belongs to this thread alone")]
        unsafe {
            &*self.cache.get()
        }
    }

    /// The id of the stack that ends in this call.
    pub fn stack_at(&self, caller: Caller) -> StackId {
        let errno = KeepErrno::save();
        let here = core::ptr::from_ref(&errno) as usize;
        if !self.is_on_stack(here) {
            // We could not detect whether a signal handler jumped away from here.
            return stack_cache::of_caller_alone(caller);
        }
        let bounds = (self.stack_low(), self.stack_span());
        let outer = thread_word::get(Word::Lookup);
        thread_word::set(Word::Lookup, here);
        let word = busy::begin::<ThisThread>();
        // SAFETY: only its own thread reaches a record's cache, and it is busy until this returns.
        #[expect(unsafe_code, reason = "the cache belongs to this thread alone")]
        let cache = unsafe { &mut *self.cache.get() };
        let stack = cache.find(caller, bounds);
        thread_word::set(Word::Record, word);
        thread_word::set(Word::Lookup, outer);
        stack
    }

    /// This thread's record, if it counts as busy only because a signal handler jumped away from a stack lookup: it is no longer
    /// busy. Signals are not blocked during a lookup: the two system calls would cost more than the lookup, and some programs may
    /// make none.
    pub fn left_by_a_jump() -> Option<&'static Self> {
        /// The kernel's signal frame takes at least this much between the interrupted code and its handler's frame.
        const SIGNAL_FRAME: usize = 512;
        let thread = Self::even_if_busy()?;
        let left = thread_word::get(Word::Lookup);
        let place = 0_u8;
        let here = &raw const place as usize;
        if left == 0 || here < left - SIGNAL_FRAME || !thread.is_on_stack(here) {
            return None;
        }
        let bounds = (thread.stack_low(), thread.stack_span());
        // SAFETY: only its own thread reaches a record's cache, and the lookup that used it is gone with its frame.
        #[expect(unsafe_code, reason = "the cache belongs to this thread alone")]
        unsafe {
            (*thread.cache.get()).forget_all(bounds);
        }
        thread_word::set(Word::Lookup, 0);
        thread.begin();
        Some(thread)
    }

    fn is_on_stack(&self, address: usize) -> bool {
        address.wrapping_sub(self.stack_low()) < self.stack_span()
    }

    /// Notes the `pthread_t` of the thread that runs this.
    pub fn note_handle(&self) {
        // SAFETY: the function reads the thread's own register.
        #[expect(unsafe_code, reason = "a call into libc")]
        let handle = unsafe { libc::pthread_self() };
        self.set_handle(usize::try_from(handle).unwrap_or(0));
    }

    /// Sets where the stack of the calling thread lies, before any hook follows the thread; zeros where that is not known.
    pub fn begin_on_stack(&self, low: usize, high: usize) {
        let span = high.saturating_sub(low);
        // SAFETY: only its own thread reaches a record's cache, and its hooks pass straight through until it begins.
        #[expect(unsafe_code, reason = "the cache belongs to this thread alone")]
        unsafe { &mut *self.cache.get() }.begin_on((low, span));
        self.set_stack(low, span, false);
        if !forked_child::is_watched() {
            GATE.return_to_hot_path(self);
        }
    }

    /// Whether the calling thread is known to have this many bytes of stack left.
    pub fn has_stack_left(&self, bytes: usize) -> bool {
        let here = 0_u8;
        let depth = (&raw const here as usize).wrapping_sub(self.stack_low());
        depth > bytes && depth < self.stack_span()
    }

    /// Whether this address lies on this thread's stack, as far as known.
    pub fn has_on_stack(&self, address: usize) -> bool {
        address.wrapping_sub(self.stack_low()) < self.stack_span()
    }

    /// Counts a fork by this thread: in a thread word, because counting it in the record would copy the record's page.
    pub fn count_fork() {
        thread_word::set(Word::Forks, thread_word::get(Word::Forks) + 1);
    }

    /// The forks that this thread has counted since the last call.
    pub fn take_forks() -> u64 {
        let counted = thread_word::get(Word::Forks);
        if counted != 0 {
            thread_word::set(Word::Forks, 0);
        }
        counted as u64
    }

    /// Makes this the record of the running thread.
    #[inline(always)]
    pub fn begin(&self) {
        thread_word::set(Word::Record, core::ptr::from_ref(self) as usize);
    }

    /// Hooks pass straight through in this thread, until [`Self::begin`] or for ever.
    pub fn stop_following() {
        thread_word::set(Word::Record, BUSY.cast_unsigned());
    }
}
