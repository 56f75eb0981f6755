//! The semaphores that do not exclude but signal: made with another value than 1, shared between processes, posted by a
//! thread that did not take them, or waited for by the very thread that holds them.
//!
//! A fixed, lock-free set of addresses in buckets of one cache line. A bucket that overflows from then on answers "signals"
//! for every address that falls into it: silence is the lesser harm.

use core::sync::atomic::{AtomicUsize, Ordering};

use crate::system::region::{FromZeros, Table};

const BUCKETS: usize = 4096;
const WAYS: usize = 8;
/// In a bucket's last way: the bucket has overflowed. No semaphore lies at address 1.
const OVERFLOWED: usize = 1;

#[repr(align(64))]
struct Bucket([AtomicUsize; WAYS]);

struct Set([Bucket; BUCKETS]);

// SAFETY: all of it is atomic integers, for which zero is valid.
#[expect(unsafe_code, reason = "a zeroed table")]
unsafe impl FromZeros for Set {}

static SET: Table<Set> = Table::not_made();

/// Whether this semaphore signals.
#[inline]
pub fn contains(semaphore: usize) -> bool {
    let Some(ways) = SET.if_made().and_then(|set| bucket(set, semaphore)) else {
        return false;
    };
    ways.iter().any(|way| {
        let address = way.load(Ordering::Acquire);
        address == semaphore || address == OVERFLOWED
    })
}

/// Notes that this semaphore signals.
pub fn insert(semaphore: usize) {
    let Some(ways) = SET.get().and_then(|set| bucket(set, semaphore)) else {
        return;
    };
    if contains(semaphore) {
        return;
    }
    for way in ways {
        if way
            .compare_exchange(0, semaphore, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
        {
            return;
        }
    }
    if let Some(last) = ways.last() {
        last.store(OVERFLOWED, Ordering::Release);
    }
}

/// Forgets this address: the semaphore was destroyed, or made anew with the value 1.
pub fn remove(semaphore: usize) {
    let Some(ways) = SET.if_made().and_then(|set| bucket(set, semaphore)) else {
        return;
    };
    for way in ways {
        // Whether it was there does not matter.
        let _was_there = way.compare_exchange(semaphore, 0, Ordering::AcqRel, Ordering::Relaxed);
    }
}

#[inline]
fn bucket(set: &'static Set, semaphore: usize) -> Option<&'static [AtomicUsize; WAYS]> {
    // Semaphores are at least 16 bytes apart; the multiplication spreads them over the high bits.
    let hash = (semaphore >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
    set.0.get(hash % BUCKETS).map(|bucket| &bucket.0)
}

#[cfg(test)]
mod tests {
    use super::{contains, insert, remove};

    #[test]
    fn addresses_come_and_go() {
        assert!(!contains(0x1000));
        insert(0x1000);
        insert(0x1000);
        assert!(contains(0x1000) && !contains(0x1010));
        remove(0x1000);
        assert!(!contains(0x1000));
    }

    #[test]
    fn an_overflowing_bucket_errs_towards_silence() {
        let same_bucket: Vec<usize> = (1..2_000_000_usize)
            .map(|n| n << 4)
            .filter(|a| (a >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52 == 77)
            .take(10)
            .collect();
        same_bucket.iter().for_each(|&address| insert(address));
        assert!(same_bucket.iter().all(|&address| contains(address)));
    }
}
