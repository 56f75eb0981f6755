//! One thread's record, and how a hook comes by its own thread's.
//!
//! The thread word, seen as a signed number:
//!
//! | word | meaning | hooks |
//! |---|---|---|
//! | 0 | never met | meet the thread first |
//! | 1 | no record: our code runs before there is one, or the thread has ended | pass straight through |
//! | above 1 | the record's address | follow |
//! | below 0 | the record's address, negated: our own code runs | pass straight through |
//!
//! A `&Thread` that a hook got from [`Thread::current`] is therefore also the proof that it may touch state.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU32, AtomicUsize, Ordering};

use super::depot::{NO_STACK, StackId};
use super::descent;
use super::held::Held;
use super::stack_cache::{self, Caller, StackCache};
use crate::system::errno::KeepErrno;
use crate::system::signal_mask::{self, SignalMask};
use crate::system::thread_word::{self, Word};

const UNKNOWN: usize = 0;
/// The thread word of a thread without a record, while hooks must pass straight through.
const BUSY: isize = 1;

/// What we know of one thread. Lies in zeroed memory, which is its valid first state, and on pages of its own, so that they
/// can be given back.
#[derive(Debug)]
#[repr(C, align(4096))]
pub struct Thread {
    /// The lowest address of its stack, as far as known.
    stack_low: AtomicUsize,
    /// Its size in bytes for the hot path, and as it is; 0 where the stack is not known: then no stack is unwound. Where
    /// every call must be looked at, the first is 0, too: then the hot path finds no stack and leaves the call to the cold
    /// one, which costs the others nothing.
    hot_span: AtomicUsize,
    stack_span: AtomicUsize,
    /// Its place in the table of threads.
    index: AtomicU32,
    /// Where it was created; [`NO_STACK`] where that was not seen.
    created: AtomicU32,
    /// The function it was started with, and that function's argument.
    start_routine: AtomicUsize,
    argument: AtomicUsize,
    creator: AtomicI32,
    stack_bytes: AtomicUsize,
    /// Its `pthread_t`, the name by which language runtimes know it; 0 until it runs.
    handle: AtomicUsize,
    /// The semaphore it made last, and where.
    made_semaphore: AtomicUsize,
    made_at: AtomicU32,
    /// Rounds of thread-specific-data destructors that have passed.
    rounds: AtomicU8,
    /// Where on its stack it looks up a stack, 0 while it does not.
    looks_up_at: AtomicUsize,
    /// The locks it holds; beside the words above, so that a fork copies one page for both.
    pub held: Held,
    /// Only this thread itself looks inside.
    cache: UnsafeCell<StackCache>,
}

/// How a thread came to be, as `pthread_create` saw it.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The function it runs.
    pub start_routine: usize,
    /// That function's argument.
    pub argument: usize,
    /// Where it was created.
    pub created: StackId,
    /// The kernel's id of its creator.
    pub creator: i32,
    /// The size of its stack, as its attributes say.
    pub stack_bytes: usize,
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

    /// This thread's record, also while our own code runs in it; `None` in a thread never met, or ended.
    #[inline(always)]
    pub fn even_if_busy() -> Option<&'static Self> {
        let word = thread_word::record().cast_signed();
        let address = word.unsigned_abs();
        // SAFETY: as in `current`; a negative word is the negated address of the same record.
        #[expect(unsafe_code, reason = "the thread word is a record's address")]
        (!(UNKNOWN.cast_signed()..=BUSY).contains(&word)).then(|| unsafe { &*(address as *const Self) })
    }

    /// Whether this thread was never met.
    pub fn is_unknown() -> bool {
        thread_word::record() == UNKNOWN
    }

    /// The id of the stack that ends in this call, where it is found at once: see [`StackCache::known_only`].
    #[inline(always)]
    pub fn known_only_stack(&self, caller: Caller) -> Option<StackId> {
        self.cache().known_only(caller, self.hot_span.load(Ordering::Relaxed))
    }

    /// The id of the stack that ends in this call, if it is one of the next likely: see [`StackCache::known_among`].
    #[inline(always)]
    pub fn known_stack_among(&self, caller: Caller) -> Option<StackId> {
        let low = self.stack_low.load(Ordering::Relaxed);
        self.cache()
            .known_among(caller, (low, self.hot_span.load(Ordering::Relaxed)))
    }

    /// The id of the stack that ends in this call, if a look finds it.
    #[inline(always)]
    pub fn known_stack(&self, caller: Caller) -> Option<StackId> {
        // Written out: the compiler would call `or_else`.
        match self.known_only_stack(caller) {
            Some(stack) => Some(stack),
            None => self.known_stack_among(caller),
        }
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
        let errno = KeepErrno::as_it_is();
        let here = core::ptr::from_ref(&errno) as usize;
        if !self.is_on_stack(here) {
            // It could not be seen whether a signal handler jumped away from here.
            return stack_cache::of_caller_alone(caller);
        }
        let bounds = (
            self.stack_low.load(Ordering::Relaxed),
            self.stack_span.load(Ordering::Relaxed),
        );
        let outer = self.looks_up_at.load(Ordering::Relaxed);
        self.looks_up_at.store(here, Ordering::Release);
        let word = busy_word();
        // SAFETY: only its own thread reaches a record's cache, and it is busy until this returns.
        #[expect(unsafe_code, reason = "the cache belongs to this thread alone")]
        let cache = unsafe { &mut *self.cache.get() };
        let stack = cache.find(caller, bounds);
        thread_word::set(Word::Record, word);
        self.looks_up_at.store(outer, Ordering::Release);
        stack
    }

    /// This thread's record where it counts as busy only because a signal handler jumped away while it looked up a stack: it is
    /// not busy any more. No signal is blocked for that, as system calls would cost more than the look, and some programs may
    /// make none.
    pub fn left_by_a_jump() -> Option<&'static Self> {
        /// At least so much lies between what a signal interrupts and its handler's frame: the kernel's frame of a signal.
        const SIGNAL_FRAME: usize = 512;
        let thread = Self::even_if_busy()?;
        let left = thread.looks_up_at.load(Ordering::Relaxed);
        let place = 0_u8;
        let here = &raw const place as usize;
        if left == 0 || here < left - SIGNAL_FRAME || !thread.is_on_stack(here) {
            return None;
        }
        // SAFETY: only its own thread reaches a record's cache, and the lookup that used it is gone with its frame.
        #[expect(unsafe_code, reason = "the cache belongs to this thread alone")]
        unsafe {
            (*thread.cache.get()).forget_all();
        }
        thread.looks_up_at.store(0, Ordering::Release);
        thread.begin();
        Some(thread)
    }

    fn is_on_stack(&self, address: usize) -> bool {
        address.wrapping_sub(self.stack_low.load(Ordering::Relaxed)) < self.stack_span.load(Ordering::Relaxed)
    }

    /// Prepares an unused record for a thread that is about to start.
    pub fn prepare(&self, index: u32, origin: Origin) {
        self.held.clear();
        self.index.store(index, Ordering::Relaxed);
        self.created.store(origin.created.0, Ordering::Relaxed);
        self.start_routine.store(origin.start_routine, Ordering::Relaxed);
        self.argument.store(origin.argument, Ordering::Relaxed);
        self.creator.store(origin.creator, Ordering::Relaxed);
        self.stack_bytes.store(origin.stack_bytes, Ordering::Relaxed);
        self.handle.store(0, Ordering::Relaxed);
        self.made_semaphore.store(0, Ordering::Relaxed);
        self.rounds.store(0, Ordering::Relaxed);
        self.looks_up_at.store(0, Ordering::Relaxed);
        // Until the thread says where its stack lies, none of its calls finds one.
        for word in [&self.stack_low, &self.stack_span, &self.hot_span] {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// How it came to be; `None` for the first thread and those we did not see created.
    pub fn origin(&self) -> Option<Origin> {
        let start_routine = self.start_routine.load(Ordering::Relaxed);
        (start_routine != 0).then(|| Origin {
            start_routine,
            argument: self.argument.load(Ordering::Relaxed),
            created: StackId(self.created.load(Ordering::Relaxed)),
            creator: self.creator.load(Ordering::Relaxed),
            stack_bytes: self.stack_bytes.load(Ordering::Relaxed),
        })
    }

    /// Its place in the table of threads.
    pub fn index(&self) -> u32 {
        self.index.load(Ordering::Relaxed)
    }

    /// Its `pthread_t`; 0 until it runs.
    pub fn handle(&self) -> usize {
        self.handle.load(Ordering::Relaxed)
    }

    /// Notes the `pthread_t` of the thread that runs this.
    pub fn note_handle(&self) {
        // SAFETY: the function reads the thread's own register.
        #[expect(unsafe_code, reason = "a call into libc")]
        let handle = unsafe { libc::pthread_self() };
        self.handle
            .store(usize::try_from(handle).unwrap_or(0), Ordering::Relaxed);
    }

    /// Says where the stack of this thread lies, which runs this and is not known to any hook yet; zeros where it is not known.
    pub fn set_stack(&self, low: usize, high: usize) {
        let span = high.saturating_sub(low);
        // SAFETY: only its own thread reaches a record's cache, and its hooks pass straight through until it begins.
        #[expect(unsafe_code, reason = "the cache belongs to this thread alone")]
        unsafe { &mut *self.cache.get() }.begin_on((low, span));
        self.stack_low.store(low, Ordering::Relaxed);
        self.stack_span.store(span, Ordering::Relaxed);
        self.hot_span
            .store(if descent::is_watched() { 0 } else { span }, Ordering::Relaxed);
    }

    /// The lowest and the highest address of its stack, as far as known.
    pub fn stack_bounds(&self) -> (usize, usize) {
        let low = self.stack_low.load(Ordering::Relaxed);
        (low, low.saturating_add(self.stack_span.load(Ordering::Relaxed)))
    }

    /// Whether this thread, which runs this, is known to have so many bytes of stack left.
    pub fn has_room(&self, bytes: usize) -> bool {
        let here = 0_u8;
        let depth = (&raw const here as usize).wrapping_sub(self.stack_low.load(Ordering::Relaxed));
        depth > bytes && depth < self.stack_span.load(Ordering::Relaxed)
    }

    /// From now on every call of this thread that takes a lock goes the cold way.
    #[inline(always)]
    pub fn leave_hot_path(&self) {
        self.hot_span.store(0, Ordering::Relaxed);
    }

    /// Remembers that this thread made a semaphore here just now.
    pub fn note_made_semaphore(&self, address: usize, made: StackId) {
        self.made_at.store(made.0, Ordering::Relaxed);
        self.made_semaphore.store(address, Ordering::Relaxed);
    }

    /// Where the semaphore was made, if it is the one this thread made last.
    pub fn made_semaphore(&self, address: usize) -> StackId {
        if self.made_semaphore.load(Ordering::Relaxed) == address {
            StackId(self.made_at.load(Ordering::Relaxed))
        } else {
            NO_STACK
        }
    }

    /// Counts a round of thread-specific-data destructors, and gives the number of those that have passed.
    pub fn next_round(&self) -> u8 {
        self.rounds.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts a fork by this thread: in a thread word, because the child of a lone thread would copy the record's page for it.
    pub fn count_fork() {
        thread_word::set(Word::Forks, thread_word::get(Word::Forks) + 1);
    }

    /// The forks that this thread has counted since it was last asked.
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

    /// Hooks pass straight through in this thread, until it begins or for ever.
    pub fn pass_by() {
        thread_word::set(Word::Record, BUSY.cast_unsigned());
    }
}

/// Makes this thread busy, and gives the word of before.
fn busy_word() -> usize {
    let previous = thread_word::record();
    let word = match previous.cast_signed() {
        0 => BUSY,
        word if word > BUSY => -word,
        word => word,
    };
    thread_word::set(Word::Record, word.cast_unsigned());
    previous
}

/// While it lives, hooks of this thread pass straight through and signals wait; then what was before holds again. Never alive
/// across a call of the program's that can be cancelled.
#[derive(Debug)]
pub struct Busy {
    previous: usize,
    mask: SignalMask,
}

impl Busy {
    /// Enters, and gives this thread's record; `None` where our code runs already.
    pub fn enter() -> Option<(Self, &'static Thread)> {
        let thread = Thread::current()?;
        Some((Self::from_here(), thread))
    }

    /// Enters, whatever was before.
    pub fn from_here() -> Self {
        let mask = signal_mask::block();
        if let Some(thread) = Thread::even_if_busy() {
            // What a jump out of a lookup has left there must not be taken for the place of this work.
            thread.looks_up_at.store(0, Ordering::Relaxed);
        }
        Self {
            previous: busy_word(),
            mask,
        }
    }

    /// Leaves the thread busy and its signals waiting; the caller sees to both, with the mask of before.
    pub fn keep(self) -> SignalMask {
        let mask = self.mask;
        core::mem::forget(self);
        mask
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        thread_word::set(Word::Record, self.previous);
        signal_mask::restore(self.mask);
    }
}
