//! What every thread may read about one thread: written by its creator and by the thread itself, read by the thread that forks.

use crate::depot::{NO_STACK, StackId};
use crate::held::Held;
use crate::sync::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, AtomicUsize, Ordering, light_barrier};
use crate::takers::Takers;

/// What is known about one thread. Zeroed memory is its valid first state.
#[derive(Debug)]
#[repr(C)]
pub struct Record {
    /// The lowest address of its stack, as far as known.
    stack_low: AtomicUsize,
    /// Its size in bytes; 0 where the stack is not known: then it is not unwound.
    stack_span: AtomicUsize,
    /// Whether calls that take locks may take the hot path: not where the stack is not known, nor where every call must be examined.
    /// Other threads clear it, only its own thread sets it.
    is_hot: AtomicBool,
    /// Whether it waits at the gate.
    is_at_gate: AtomicBool,
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
    /// The locks it holds; next to the words above, so that a fork copies one page for both.
    pub held: Held,
    /// The locks it takes.
    pub takers: Takers,
}

/// How a thread was created, as `pthread_create` saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

// Each word is independent, so Relaxed is enough between the thread and its readers. What is written before the thread becomes
// visible is published by the store that makes it visible (`threads`).
impl Record {
    /// The first state.
    #[cfg(loom)]
    pub fn zeros() -> Self {
        Self {
            stack_low: AtomicUsize::new(0),
            stack_span: AtomicUsize::new(0),
            is_hot: AtomicBool::new(false),
            is_at_gate: AtomicBool::new(false),
            index: AtomicU32::new(0),
            created: AtomicU32::new(0),
            start_routine: AtomicUsize::new(0),
            argument: AtomicUsize::new(0),
            creator: AtomicI32::new(0),
            stack_bytes: AtomicUsize::new(0),
            handle: AtomicUsize::new(0),
            made_semaphore: AtomicUsize::new(0),
            made_at: AtomicU32::new(0),
            rounds: AtomicU8::new(0),
            held: Held::zeros(),
            takers: Takers::zeros(),
        }
    }

    /// Prepares an unused record for a thread that is about to start.
    pub fn prepare(&self, index: u32, origin: Origin) {
        self.held.clear();
        self.takers.clear();
        self.index.store(index, Ordering::Relaxed);
        self.created.store(origin.created.0, Ordering::Relaxed);
        self.start_routine.store(origin.start_routine, Ordering::Relaxed);
        self.argument.store(origin.argument, Ordering::Relaxed);
        self.creator.store(origin.creator, Ordering::Relaxed);
        self.stack_bytes.store(origin.stack_bytes, Ordering::Relaxed);
        self.handle.store(0, Ordering::Relaxed);
        self.made_semaphore.store(0, Ordering::Relaxed);
        self.rounds.store(0, Ordering::Relaxed);
        self.is_at_gate.store(false, Ordering::Relaxed);
        // Until the thread says where its stack lies, none of its calls finds one.
        self.set_stack(0, 0, true);
    }

    /// How it was created; `None` for the first thread and those whose creation was not seen.
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

    /// Notes its `pthread_t`.
    pub fn set_handle(&self, handle: usize) {
        self.handle.store(handle, Ordering::Relaxed);
    }

    /// Sets where its stack lies, and whether the hot path may know.
    pub fn set_stack(&self, low: usize, span: usize, is_hot: bool) {
        self.stack_low.store(low, Ordering::Relaxed);
        self.stack_span.store(span, Ordering::Relaxed);
        self.is_hot.store(is_hot && span != 0, Ordering::Relaxed);
    }

    /// The lowest address of its stack.
    #[inline(always)]
    pub fn stack_low(&self) -> usize {
        self.stack_low.load(Ordering::Relaxed)
    }

    /// Whether the hot path may be taken. Read after the call has made its entry, so that a thread that clears the word and then
    /// looks for entries misses none (with a barrier in between, here a light one: see `gate.rs`).
    #[inline(always)]
    pub fn is_hot(&self) -> bool {
        light_barrier();
        self.is_hot.load(Ordering::Relaxed)
    }

    /// The size of its stack.
    #[inline(always)]
    pub fn stack_span(&self) -> usize {
        self.stack_span.load(Ordering::Relaxed)
    }

    /// From now on every call of this thread that takes a lock uses the cold path. Written only where it changes something: after a
    /// fork, the first write to a page copies it.
    #[inline(always)]
    pub fn leave_hot_path(&self) {
        if self.is_hot.load(Ordering::Relaxed) {
            self.is_hot.store(false, Ordering::Relaxed);
        }
    }

    /// Whether the thread waits at the gate, and so holds nothing.
    pub fn is_at_gate(&self) -> bool {
        // Acquire: pairs with the store of `set_at_gate`, so that the entries are those of a thread that waits.
        self.is_at_gate.load(Ordering::Acquire)
    }

    /// Notes whether the thread waits at the gate.
    pub fn set_at_gate(&self, is_there: bool) {
        // Release: pairs with the load of `is_at_gate`.
        self.is_at_gate.store(is_there, Ordering::Release);
    }

    /// Its calls may take the hot path again, if its stack is known.
    pub fn enter_hot_path(&self) {
        self.is_hot.store(self.stack_span() != 0, Ordering::Relaxed);
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

    /// Counts a round of thread-specific-data destructors, and returns how many have passed.
    pub fn next_round(&self) -> u8 {
        self.rounds.fetch_add(1, Ordering::Relaxed) + 1
    }
}
