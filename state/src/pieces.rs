//! How many pieces of a memory region are in use: while there are any, it must not be cleared.

use crate::sync::{AtomicUsize, Ordering};

/// The count.
#[derive(Debug)]
pub struct Pieces(AtomicUsize);

impl Pieces {
    /// None is in use.
    #[cfg(not(loom))]
    pub const fn empty() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// None is in use.
    #[cfg(loom)]
    pub fn empty() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Takes a piece with `take`, which does so under the memory's lock. The piece counts before it is taken: a thread that clears
    /// the memory under that lock in between must find it counted.
    pub fn hand_out<T>(&self, take: impl FnOnce() -> Option<T>) -> Option<T> {
        // Relaxed: the memory's lock, taken after this and before `none_left`, orders the two.
        self.0.fetch_add(1, Ordering::Relaxed);
        let piece = take();
        if piece.is_none() {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
        piece
    }

    /// A piece was freed.
    pub fn take_back(&self) {
        // Release: pairs with the load of `none_left`, so that what was done with the piece is done.
        self.0.fetch_sub(1, Ordering::Release);
    }

    /// Whether no piece is in use. The caller holds the memory's lock.
    pub fn none_left(&self) -> bool {
        // Acquire: pairs with `take_back`.
        self.0.load(Ordering::Acquire) == 0
    }
}
