//! What was last noted of a lock, by its address: a number of 48 bits.
//!
//! A program may make locks all the time, so the table forgets: the newest address replaces another that has the same word. Then an
//! old lock and a new one at the same address count as one.

use crate::sync::{AtomicU64, Ordering};
use crate::system::{FromZeros, System, Table};

const WORDS: usize = if cfg!(loom) { 2 } else { 4096 };
/// The low bits of a word tell addresses apart; the others are the number.
const TAG: u64 = 0xffff;

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
pub struct ByAddress<S>(Table<Words, S>);

// Relaxed: each word is independent, and a program that uses a lock in two threads has ordered its making before its use.
impl<S: System> ByAddress<S> {
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

    /// Notes a number, of which the lowest 16 bits are lost.
    pub fn note(&self, address: usize, number: u64) {
        if let Some((word, tag)) = self.0.get().and_then(|words| words.of(address)) {
            word.store(number & !TAG | tag, Ordering::Relaxed);
        }
    }

    /// Nothing is known of this address any more.
    pub fn forget(&self, address: usize) {
        if self.last(address) != 0 {
            self.note(address, 0);
        }
    }

    /// The number that was last noted of this address, rounded down; 0 where none is known.
    pub fn last(&self, address: usize) -> u64 {
        let Some((word, tag)) = self.0.if_made().and_then(|words| words.of(address)) else {
            return 0;
        };
        let word = word.load(Ordering::Relaxed);
        if word & TAG == tag { word & !TAG } else { 0 }
    }
}

impl<S: System> Default for ByAddress<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl Words {
    /// An address's word, and its tag there.
    fn of(&self, address: usize) -> Option<(&AtomicU64, u64)> {
        let hash = (address >> 2).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Some((self.0.get((hash >> 52) % WORDS)?, (hash >> 32) as u64 & TAG))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::ByAddress;
    use crate::system::tests::Kernel;

    #[test]
    fn the_last_note_counts() {
        let table = ByAddress::<Kernel>::new();
        assert_eq!(table.last(0x1000), 0);
        table.note(0x1000, 0x5_0000);
        table.note(0x1000, 0x9_1234);
        assert_eq!((table.last(0x1000), table.last(0x1040)), (0x9_0000, 0));
    }

    #[test]
    fn what_is_forgotten_is_not_known() {
        let table = ByAddress::<Kernel>::new();
        table.note(0x1000, 0x5_0000);
        table.forget(0x1000);
        assert_eq!(table.last(0x1000), 0);
    }

    #[test]
    fn locks_made_all_the_time_leave_others_as_they_were() {
        let table = ByAddress::<Kernel>::new();
        (0..100_000).for_each(|number| table.note(0x7f00_0000_0000 + 40 * number, 0x9_0000));
        let others = (0..1_000).map(|number| 0x5500_0000_0000 + 40 * number);
        assert!(others.filter(|&other| table.last(other) != 0).count() <= 2);
    }
}
