//! How many pieces of a memory are in somebody's hands: while there are any, it must not be cleared.

use crate::sync::{AtomicUsize, Ordering};

/// The count.
#[derive(Debug)]
pub struct Pieces(AtomicUsize);

impl Pieces {
    /// Nobody has one.
    #[cfg(not(loom))]
    pub const fn none() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Nobody has one.
    #[cfg(loom)]
    pub fn none() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Takes a piece by `take`, which does so under the memory's lock. It counts before it is there: whoever clears the memory
    /// under that lock between the two must find it.
    pub fn hand_out<T>(&self, take: impl FnOnce() -> Option<T>) -> Option<T> {
        // Relaxed: the memory's lock, taken after this and before `none_left`, orders the two.
        self.0.fetch_add(1, Ordering::Relaxed);
        let piece = take();
        if piece.is_none() {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
        piece
    }

    /// A piece was given back.
    pub fn take_back(&self) {
        // Release: pairs with the load of `none_left`, so that what was done with the piece is done.
        self.0.fetch_sub(1, Ordering::Release);
    }

    /// Whether nobody has a piece. The caller holds the memory's lock.
    pub fn none_left(&self) -> bool {
        // Acquire: pairs with `take_back`.
        self.0.load(Ordering::Acquire) == 0
    }
}
