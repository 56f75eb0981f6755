//! The table of a finding's locks: each with its holder, where it was taken, and how often it was held, predicted and hung.

use forkwatch_schema::record::{Detail, Lock};
use forkwatch_text::lock;

use super::gather::locks::LockSeen;
use super::place::{self, Place};

/// The most locks of a finding that are shown.
pub const MAX: usize = 64;

/// The heads of the columns with numbers.
pub const COUNTED: [&str; 3] = ["held", "predicted", "hung"];

/// One row.
#[derive(Clone, Debug)]
pub struct LockRow {
    /// The lock in the earliest record that has it.
    pub lock: Lock,
    /// Records in which another thread held it.
    pub held: u64,
    /// Records that say that it would have hung a child.
    pub predicted: u64,
    /// Records of children that it hung.
    pub hung: u64,
}

impl LockRow {
    /// The row for what was counted of a lock.
    pub fn new(seen: &LockSeen, lock: Lock) -> Self {
        Self {
            lock,
            held: seen.held,
            predicted: seen.predicted,
            hung: seen.hung,
        }
    }

    /// The numbers, in the order of [`COUNTED`].
    pub const fn counts(&self) -> [u64; 3] {
        [self.held, self.predicted, self.hung]
    }

    /// Where it was taken; `None` where that is not known, or known from its name alone.
    pub fn taken(&self) -> Option<Place<'_>> {
        place::of_acquisition(&self.lock)
    }

    /// `the mutex "cache" of thread "keeper", taken in fill (cache.c:5)`.
    pub fn in_words(&self) -> String {
        let mut words = lock::in_words(&self.lock);
        if let Some(owner) = &self.lock.owner {
            words.push_str(&format!(" of thread {}", lock::quoted(owner)));
        }
        if let Some(place) = self.taken() {
            words.push_str(&format!(", taken in {}", place.in_words()));
        }
        if self.lock.made_anew {
            words.push_str(", made anew in the child");
        }
        words
    }
}

/// The lock with this id in a record.
pub fn find(detail: &Detail, id: u64) -> Option<&Lock> {
    let id = format!("{id:016x}");
    place::locks(detail).iter().find(|lock| lock.id.as_ref() == Some(&id))
}
