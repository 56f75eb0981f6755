//! The locks that this process inherited from threads it lost: see [`forkwatch_state::orphans`].

use forkwatch_state::orphans::Orphans;
pub use forkwatch_state::orphans::{Orphan, Reported};

use super::held::Entry;
use crate::system::kernel::Kernel;

static ORPHANS: Orphans<Kernel> = Orphans::empty();

/// Whether there are any.
#[inline(always)]
pub fn any() -> bool {
    ORPHANS.any()
}

/// Adds a lock and its holder at the fork of this number: see [`Orphans::add`].
pub fn add(entry: Entry, owner: i32, fork: usize) -> bool {
    ORPHANS.add(entry, owner, fork)
}

/// The orphan at this address.
pub fn find(address: usize) -> Option<Orphan> {
    ORPHANS.find(address)
}

/// This process took or destroyed the lock at this address: it is no longer an orphan.
#[inline]
pub fn forget(address: usize) {
    ORPHANS.forget(address);
}

/// In a child of this process, which reports for itself.
pub fn reset() {
    ORPHANS.reset();
}

/// Whether this, or more, was reported about an orphan.
pub fn was_reported(orphan: &Orphan, reported: Reported) -> bool {
    ORPHANS.was_reported(orphan, reported)
}

/// Notes what is reported about an orphan; false where as much was reported before.
pub fn note(orphan: &Orphan, reported: Reported) -> bool {
    ORPHANS.note(orphan, reported)
}
