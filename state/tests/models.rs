//! Models of every table that two threads share, over the very code that the library uses: `loom` tries each interleaving of
//! the threads that a model starts, and each value that a load may give. `scripts/test-models` runs them.
//!
//! Where a signal handler matters, [`interrupted`] runs the model once for each access before which the handler can come.
#![cfg(loom)]
#![allow(unsafe_code, reason = "promises that the models make good")]

mod models {
    pub mod address_set;
    pub mod code_range;
    pub mod depot;
    pub mod family;
    pub mod fork;
    pub mod gate;
    pub mod held;
    pub mod lineage;
    pub mod orphans;
    pub mod own_lock;
    pub mod pieces;
    pub mod rows;
    pub mod takers;
    pub mod threads;
}

use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use forkwatch_state::busy::Words;
use forkwatch_state::sync::{AtomicU32, Ordering, interrupted_at};
use forkwatch_state::system::System;

/// Replaces the kernel. Tables come from Rust's heap under loom.
#[derive(Debug)]
pub struct Kernel;

loom::lazy_static! {
    static ref SLEEPERS: (loom::sync::Mutex<()>, loom::sync::Condvar) =
        (loom::sync::Mutex::new(()), loom::sync::Condvar::new());
}

// SAFETY: nothing is reserved.
unsafe impl System for Kernel {
    fn reserve(_bytes: usize) -> Option<NonNull<u8>> {
        None
    }

    unsafe fn release(_place: NonNull<u8>, _bytes: usize) {}

    unsafe fn discard(_place: NonNull<u8>, _bytes: usize) {}

    fn sleep_while(word: &AtomicU32, value: u32, at_most: Option<Duration>) {
        if at_most.is_some() {
            loom::thread::yield_now();
            return;
        }
        // As the kernel does it: the look at the word and falling asleep are one step towards a wake.
        let guard = SLEEPERS.0.lock().unwrap();
        if word.load(Ordering::SeqCst) == value {
            drop(SLEEPERS.1.wait(guard).unwrap());
        }
    }

    fn wake_one(_word: &AtomicU32) {
        let guard = SLEEPERS.0.lock().unwrap();
        SLEEPERS.1.notify_one();
        drop(guard);
    }

    fn wake_all(_word: &AtomicU32) {
        let guard = SLEEPERS.0.lock().unwrap();
        SLEEPERS.1.notify_all();
        drop(guard);
    }
}

loom::thread_local! {
    static RECORD: Cell<usize> = Cell::new(0);
    static COPYING: Cell<usize> = Cell::new(0);
}

/// The words of the running thread.
#[derive(Debug)]
pub struct ThisThread;

impl Words for ThisThread {
    fn record() -> usize {
        RECORD.with(Cell::get)
    }

    fn set_record(word: usize) {
        RECORD.with(|record| record.set(word));
    }

    fn fork_phase() -> usize {
        COPYING.with(Cell::get)
    }

    fn set_fork_phase(word: usize) {
        COPYING.with(|copying| copying.set(word));
    }

    // A handler may run anywhere, as where the kernel refuses to block signals.
    fn block_signals() -> u64 {
        0
    }

    fn restore_signals(_mask: u64) {}
}

/// Tries every interleaving with at most this many preemptions, each of which may come anywhere.
pub fn model(max_preemptions: usize, run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(max_preemptions);
    builder.check(run);
}

/// Runs a model for each access before which a signal handler can come, and for each at which a second one can interrupt the
/// first: the model says what they do with [`Interrupt::during`].
pub fn interrupted(max_preemptions: usize, run: impl Fn(&Interrupt, &Interrupt) + Sync + Send + Clone + 'static) {
    for first in 0.. {
        let mut first_came = false;
        for second in 0.. {
            let came = [const { AtomicBool::new(false) }; 2];
            let came = std::sync::Arc::new(came);
            let (noted, run) = (std::sync::Arc::clone(&came), run.clone());
            model(max_preemptions, move || {
                let interrupts = [first, second].map(Interrupt::before);
                run(&interrupts[0], &interrupts[1]);
                for (interrupt, noted) in interrupts.iter().zip(noted.iter()) {
                    if interrupt.came.get() {
                        noted.store(true, Ordering::Relaxed);
                    }
                }
            });
            let [one, two] = [0, 1].map(|index: usize| came[index].load(Ordering::Relaxed));
            first_came |= one;
            if !two {
                break;
            }
        }
        if !first_came {
            assert!(first > 0, "no handler ever came");
            return;
        }
    }
}

/// A signal, on its way.
#[derive(Clone, Debug)]
pub struct Interrupt {
    after: usize,
    came: Rc<Cell<bool>>,
}

impl Interrupt {
    fn before(after: usize) -> Self {
        Self {
            after,
            came: Rc::new(Cell::new(false)),
        }
    }

    /// Runs `work`, with `handler` before one of its accesses.
    pub fn during(&self, work: impl FnOnce(), handler: impl Fn() + 'static) {
        self.came.set(interrupted_at(self.after, handler, work));
    }
}
