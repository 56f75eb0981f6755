//! Two words that are read together: where something begins and ends, looked up when it is first needed.

use core::ops::Range;

use crate::sync::{AtomicUsize, Ordering};

/// A range of addresses, not known at first.
#[derive(Debug)]
pub struct CodeRange {
    low: AtomicUsize,
    /// 0 while the range is not known.
    high: AtomicUsize,
}

impl CodeRange {
    /// One that is not known.
    #[cfg(not(loom))]
    pub const fn unknown() -> Self {
        Self {
            low: AtomicUsize::new(0),
            high: AtomicUsize::new(0),
        }
    }

    /// One that is not known.
    #[cfg(loom)]
    pub fn unknown() -> Self {
        Self {
            low: AtomicUsize::new(0),
            high: AtomicUsize::new(0),
        }
    }

    /// The range, from `look_up` if it is not known yet. `look_up` returns the same range in every thread, and never an empty one.
    pub fn get_or(&self, look_up: impl FnOnce() -> Range<usize>) -> Range<usize> {
        // Acquire, and before `low` is read: pairs with the store below, so that `low` is set where this word is.
        let high = self.high.load(Ordering::Acquire);
        if high != 0 {
            // Relaxed: a thread that sees `high` sees the store before it.
            return self.low.load(Ordering::Relaxed)..high;
        }
        let range = look_up();
        // Relaxed: the store below publishes it.
        self.low.store(range.start, Ordering::Relaxed);
        // Release: pairs with the load above.
        self.high.store(range.end, Ordering::Release);
        range
    }
}
