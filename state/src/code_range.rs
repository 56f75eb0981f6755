//! Two words that are read together: where something begins and ends, looked up by whoever needs it first.

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

    /// The range, which `look_up` gives where nobody has looked before; it gives the same to everybody, and never an empty one.
    pub fn get_or(&self, look_up: impl FnOnce() -> Range<usize>) -> Range<usize> {
        // Acquire, and before `low` is read: pairs with the store below, so that with this word the other one is there, too.
        let high = self.high.load(Ordering::Acquire);
        if high != 0 {
            // Relaxed: whoever sees `high` sees the store before it.
            return self.low.load(Ordering::Relaxed)..high;
        }
        let range = look_up();
        // Relaxed: the store below makes it seen.
        self.low.store(range.start, Ordering::Relaxed);
        // Release: pairs with the load above.
        self.high.store(range.end, Ordering::Release);
        range
    }
}
