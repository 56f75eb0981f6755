//! What a process and its forked children have reported together: each finding once.
//!
//! The table lies in memory that all of them share. It holds fingerprints and counts, no lock and no pointer, so it is whole
//! whenever one of them dies.

use crate::sync::{AtomicU64, Ordering};
use crate::system::{FromZeros, System, Table};

/// The most findings remembered. Beyond that, each process reports for itself.
const PLACES: usize = if cfg!(loom) { 2 } else { 500 };

#[derive(Debug)]
struct Shared {
    fingerprints: [AtomicU64; PLACES],
    /// Findings that another process of the family had reported before.
    repeated: AtomicU64,
}

// SAFETY: all of it is atomic integers, for which zero is valid.
#[expect(unsafe_code, reason = "a zeroed table")]
unsafe impl FromZeros for Shared {
    #[cfg(loom)]
    fn zeros() -> Self {
        Self {
            fingerprints: core::array::from_fn(|_| AtomicU64::new(0)),
            repeated: AtomicU64::new(0),
        }
    }
}

/// The table. `S` reserves memory that forked children share.
#[derive(Debug)]
pub struct Family<S>(Table<Shared, S>);

// Relaxed: a fingerprint publishes no other data, and one exchange wins.
impl<S: System> Family<S> {
    /// A table that is made before the first fork.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self(Table::not_made())
    }

    /// A table that is made before the first fork.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self(Table::not_made())
    }

    /// Makes the table, so that the children of later forks share it. Where the kernel refuses, each process reports for itself.
    pub fn found(&self) {
        let _made_or_refused = self.0.get();
    }

    /// Whether a process of the family has reported this finding.
    pub fn has(&self, fingerprint: u64) -> bool {
        let shared = self.0.if_made();
        shared.is_some_and(|shared| {
            shared
                .fingerprints
                .iter()
                .any(|place| place.load(Ordering::Relaxed) == fingerprint)
        })
    }

    /// This process reports the finding. False where another has done so.
    pub fn insert(&self, fingerprint: u64) -> bool {
        let Some(shared) = self.0.if_made() else { return true };
        for place in &shared.fingerprints {
            match place.compare_exchange(0, fingerprint, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(found) if found == fingerprint => return false,
                Err(_) => {}
            }
        }
        true
    }

    /// Counts a finding that another process has reported.
    pub fn count_repeated(&self) {
        if let Some(shared) = self.0.if_made() {
            shared.repeated.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many findings were repeated since the last call of any process of the family, which reports them.
    pub fn take_repeated(&self) -> u64 {
        self.0
            .if_made()
            .map_or(0, |shared| shared.repeated.swap(0, Ordering::Relaxed))
    }
}

impl<S: System> Default for Family<S> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Family, PLACES};
    use crate::system::tests::Kernel;

    #[test]
    fn a_finding_is_reported_once() {
        let family = Family::<Kernel>::new();
        assert!(
            family.insert(7) && family.insert(7),
            "without a table, everyone reports"
        );
        family.found();
        assert!(!family.has(7) && family.insert(7));
        assert!(family.has(7) && !family.insert(7) && family.insert(8));
        family.count_repeated();
        family.count_repeated();
        assert_eq!((family.take_repeated(), family.take_repeated()), (2, 0));
    }

    #[test]
    fn a_full_table_hides_nothing() {
        let family = Family::<Kernel>::new();
        family.found();
        (1..=PLACES as u64).for_each(|fingerprint| assert!(family.insert(fingerprint)));
        assert!(family.insert(100_000) && family.insert(100_000) && !family.has(100_000));
    }
}
