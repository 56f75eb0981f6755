//! A lock-free set of the addresses of locks, of fixed size, in buckets of one cache line. Once a bucket overflows, the set seems to
//! contain every address that belongs there. What is in a set is not reported, and a missed report is the lesser harm.

use crate::sync::{AtomicUsize, Ordering};
use crate::system::{FromZeros, System, Table};

const BUCKETS: usize = if cfg!(loom) { 1 } else { 4096 };
const WAYS: usize = if cfg!(loom) { 2 } else { 8 };
/// In a bucket's last way: the bucket has overflowed. No lock lies at address 1.
const OVERFLOWED: usize = 1;

#[derive(Debug)]
#[repr(align(64))]
struct Bucket([AtomicUsize; WAYS]);

#[derive(Debug)]
struct Buckets([Bucket; BUCKETS]);

// SAFETY: all of it is atomic integers, for which zero is valid.
#[expect(unsafe_code, reason = "a zeroed table")]
unsafe impl FromZeros for Buckets {
    #[cfg(loom)]
    fn zeros() -> Self {
        Self(core::array::from_fn(|_| {
            Bucket(core::array::from_fn(|_| AtomicUsize::new(0)))
        }))
    }
}

/// The set.
#[derive(Debug)]
pub struct AddressSet<S>(Table<Buckets, S>);

// Each address is independent. Acquire and Release, in pairs, make what a thread did before it inserted an address (posted the
// semaphore there) visible to a thread that finds it. Relaxed where an exchange fails: the next way is tried.
impl<S: System> AddressSet<S> {
    /// An empty set.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self(Table::not_made())
    }

    /// An empty set.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self(Table::not_made())
    }

    /// Whether the set contains this address.
    #[inline]
    pub fn contains(&self, address: usize) -> bool {
        let Some(ways) = self.0.if_made().and_then(|buckets| buckets.of(address)) else {
            return false;
        };
        ways.iter().any(|way| {
            let found = way.load(Ordering::Acquire);
            found == address || found == OVERFLOWED
        })
    }

    /// Inserts this address.
    pub fn insert(&self, address: usize) {
        let Some(ways) = self.0.get().and_then(|buckets| buckets.of(address)) else {
            return;
        };
        if self.contains(address) {
            return;
        }
        for way in ways {
            if way
                .compare_exchange(0, address, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                return;
            }
        }
        if let Some(last) = ways.last() {
            last.store(OVERFLOWED, Ordering::Release);
        }
    }

    /// Removes this address.
    pub fn remove(&self, address: usize) {
        let Some(ways) = self.0.if_made().and_then(|buckets| buckets.of(address)) else {
            return;
        };
        for way in ways {
            // Whether it was there does not matter.
            let _was_there = way.compare_exchange(address, 0, Ordering::AcqRel, Ordering::Relaxed);
        }
    }
}

impl<S: System> Default for AddressSet<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl Buckets {
    #[inline]
    fn of(&self, address: usize) -> Option<&[AtomicUsize; WAYS]> {
        // The multiplication spreads them over the high bits.
        let hash = (address >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
        self.0.get(hash % BUCKETS).map(|bucket| &bucket.0)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::AddressSet;
    use crate::system::tests::Kernel;

    static SET: AddressSet<Kernel> = AddressSet::new();

    #[test]
    fn addresses_come_and_go() {
        assert!(!SET.contains(0x1000));
        SET.insert(0x1000);
        SET.insert(0x1000);
        assert!(SET.contains(0x1000) && !SET.contains(0x1010));
        SET.remove(0x1000);
        assert!(!SET.contains(0x1000));
    }

    #[test]
    fn an_overflowing_bucket_errs_towards_silence() {
        let same_bucket: Vec<usize> = (1..2_000_000_usize)
            .map(|n| n << 4)
            .filter(|a| (a >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52 == 77)
            .take(10)
            .collect();
        same_bucket.iter().for_each(|&address| SET.insert(address));
        assert!(same_bucket.iter().all(|&address| SET.contains(address)));
    }
}
