//! Changes to a word that only one thread changes: atomic with respect to this thread's signal handlers, and without what atomicity
//! between threads would cost. Other threads may only read the word, or change it in a way that may lose to every change by the
//! owner. Which instructions do that is in the processor's own file.
#![cfg_attr(not(loom), expect(unsafe_code, reason = "instructions that Rust has no name for"))]

#[cfg(all(target_arch = "aarch64", not(loom)))]
mod aarch64;
#[cfg(all(target_arch = "x86_64", not(loom)))]
mod x86_64;

use super::{AtomicU64, Ordering};

#[cfg(loom)]
use super::AtomicU32;

#[cfg(all(target_arch = "aarch64", not(loom)))]
pub use self::aarch64::{fetch_add, replace_if, replace_long_if};
#[cfg(all(target_arch = "x86_64", not(loom)))]
pub use self::x86_64::{fetch_add, replace_if, replace_long_if};

/// Writes the word, with the ordering Release.
#[cfg(not(loom))]
#[inline(always)]
pub fn store_long(word: &AtomicU64, value: u64) {
    // Release: pairs with the load that the caller names.
    word.store(value, Ordering::Release);
}

// In the models an instruction is a load and a store: no handler runs between the two, but other threads may.

/// Writes the word. An exchange: loom does not know that another thread's exchange, which read what this thread wrote before,
/// comes before this store, too.
#[cfg(loom)]
pub fn store_long(word: &AtomicU64, value: u64) {
    // Release: as without loom.
    word.swap(value, Ordering::Release);
}

/// Adds to the word, and returns its previous value.
#[cfg(loom)]
pub fn fetch_add(word: &AtomicU32, more: u32) -> u32 {
    word.instruction(|value| Some(value.wrapping_add(more)))
}

/// Replaces `old` by `new`; false where the word is not `old`.
#[cfg(loom)]
pub fn replace_if(word: &AtomicU32, old: u32, new: u32) -> bool {
    word.instruction(|value| (value == old).then_some(new)) == old
}

/// As [`replace_if`], for a word of 64 bits.
#[cfg(loom)]
pub fn replace_long_if(word: &AtomicU64, old: u64, new: u64) -> bool {
    word.instruction(|value| (value == old).then_some(new)) == old
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{fetch_add, replace_if, replace_long_if};
    use crate::sync::{AtomicU32, AtomicU64, Ordering};

    #[test]
    fn each_instruction_does_what_its_name_says() {
        let word = AtomicU32::new(7);
        assert_eq!(fetch_add(&word, 3), 7);
        assert!(replace_if(&word, 10, 11) && !replace_if(&word, 10, 12));
        assert_eq!(word.load(Ordering::Relaxed), 11);
        let long = AtomicU64::new(u64::MAX - 1);
        assert!(replace_long_if(&long, u64::MAX - 1, 5) && !replace_long_if(&long, u64::MAX - 1, 6));
        assert_eq!(long.load(Ordering::Relaxed), 5);
    }
}
