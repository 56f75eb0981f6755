//! Where a lock was made, by its address: of a lock on the heap, nothing else is the same in another run.
//!
//! The table forgets as [`remade`](crate::remade) does: the newest address replaces another that has the same word. A lock whose memory was
//! freed without a call that ends the lock is still known.

use crate::depot::{NO_STACK, StackId};
use crate::sync::{AtomicU64, Ordering};
use crate::system::{FromZeros, System, Table};

const WORDS: usize = if cfg!(loom) { 2 } else { 4096 };

/// Each word is 32 bits of an address's hash, above the id of a stack.
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
pub struct Makers<S>(Table<Words, S>);

// Relaxed: each word is independent, and a program that uses a lock in two threads has ordered its making before its use.
impl<S: System> Makers<S> {
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

    /// A lock at this address is made here.
    pub fn note(&self, address: usize, stack: StackId) {
        if let Some((word, tag)) = self.0.get().and_then(|words| words.of(address)) {
            word.store(tag | u64::from(stack.0), Ordering::Relaxed);
        }
    }

    /// What was made at this address has ended.
    pub fn forget(&self, address: usize) {
        if let Some((word, tag)) = self.0.if_made().and_then(|words| words.of(address))
            && word.load(Ordering::Relaxed) & TAG == tag
        {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// Where the lock at this address was made; [`NO_STACK`] where that is not known.
    pub fn of(&self, address: usize) -> StackId {
        let Some((word, tag)) = self.0.if_made().and_then(|words| words.of(address)) else {
            return NO_STACK;
        };
        let word = word.load(Ordering::Relaxed);
        u32::try_from(word ^ tag).map_or(NO_STACK, StackId)
    }
}

impl<S: System> Default for Makers<S> {
    fn default() -> Self {
        Self::new()
    }
}

/// The bits of a word that tell addresses apart.
const TAG: u64 = 0xffff_ffff << 32;

impl Words {
    /// An address's word, and its tag there.
    fn of(&self, address: usize) -> Option<(&AtomicU64, u64)> {
        let hash = ((address as u64) >> 2).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Some((self.0.get((hash >> 52) as usize % WORDS)?, hash << 12 & TAG | 1 << 63))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Makers;
    use crate::depot::{NO_STACK, StackId};
    use crate::system::tests::Kernel;

    #[test]
    fn each_lock_has_its_own_maker() {
        let makers = Makers::<Kernel>::new();
        assert_eq!(makers.of(0x1000), NO_STACK);
        let addresses = || (0..100).map(|number| 0x7f00_0000_0000 + 40 * number);
        addresses()
            .zip(1..)
            .for_each(|(address, stack)| makers.note(address, StackId(stack)));
        let right = addresses()
            .zip(1..)
            .filter(|&(address, stack)| makers.of(address) == StackId(stack));
        assert!(right.count() >= 95);
        assert!(addresses().all(|address| makers.of(address + 4) == NO_STACK));
    }

    #[test]
    fn what_has_ended_has_no_maker() {
        let makers = Makers::<Kernel>::new();
        makers.note(0x1000, StackId(1));
        makers.note(0x1000, StackId(2));
        assert_eq!(makers.of(0x1000), StackId(2));
        makers.forget(0x1000);
        assert_eq!(makers.of(0x1000), NO_STACK);
    }
}
