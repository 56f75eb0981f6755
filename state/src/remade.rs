//! When a lock was last made or destroyed, by its address: what a thread took there before was another lock.
//!
//! Addresses share words by hash; so an old lock may seem younger than it is, and what is known about it counts as another lock's:
//! a missed report is the lesser harm.

use crate::sync::{AtomicU64, Ordering};
use crate::system::{FromZeros, System, Table};

const WORDS: usize = if cfg!(loom) { 2 } else { 4096 };

#[derive(Debug)]
struct Words([AtomicU64; WORDS]);

// SAFETY: all of it is atomic integers, for which zero is valid.
#[expect(unsafe_code, reason = "a zeroed table")]
unsafe impl FromZeros for Words {
    #[cfg(loom)]
    fn zeros() -> Self {
        Self(core::array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// The table.
#[derive(Debug)]
pub struct Remade<S>(Table<Words, S>);

// Relaxed: each word is independent, and a program that uses a lock in two threads has ordered its making before its use.
impl<S: System> Remade<S> {
    /// An empty table.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self(Table::not_made())
    }

    /// An empty table.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self(Table::not_made())
    }

    /// A lock at this address was made or destroyed, at this time of the processor's clock.
    pub fn note(&self, address: usize, now: u64) {
        if let Some(word) = self.0.get().and_then(|words| words.of(address)) {
            word.store(now, Ordering::Relaxed);
        }
    }

    /// When a lock at this address was last made or destroyed, or another one that shares its word; 0 where none was.
    pub fn last(&self, address: usize) -> u64 {
        let word = self.0.if_made().and_then(|words| words.of(address));
        word.map_or(0, |word| word.load(Ordering::Relaxed))
    }
}

impl<S: System> Default for Remade<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl Words {
    fn of(&self, address: usize) -> Option<&AtomicU64> {
        let hash = (address >> 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
        self.0.get(hash % WORDS)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Remade;
    use crate::system::tests::Kernel;

    #[test]
    fn the_last_time_counts() {
        let remade = Remade::<Kernel>::new();
        assert_eq!(remade.last(0x1000), 0);
        remade.note(0x1000, 5);
        remade.note(0x1000, 9);
        assert_eq!((remade.last(0x1000), remade.last(0x1040)), (9, 0));
    }
}
