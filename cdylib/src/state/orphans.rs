//! The locks that this process inherited in lost hands: see [`forkwatch_state::orphans`].

use forkwatch_state::orphans::Orphans;
pub use forkwatch_state::orphans::{Orphan, Reported};

use super::held::Entry;
use crate::system::kernel::Kernel;

static ORPHANS: Orphans<Kernel> = Orphans::none();

/// Whether there are any.
#[inline]
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

/// This process has the lock at this address, or has ended it: it is an orphan no longer.
#[inline]
pub fn forget(address: usize) {
    ORPHANS.forget(address);
}

/// A process that was forked by this child reports for itself.
pub fn begin_anew() {
    ORPHANS.begin_anew();
}

/// Whether as much as this was reported of an orphan.
pub fn was_reported(orphan: &Orphan, reported: Reported) -> bool {
    ORPHANS.was_reported(orphan, reported)
}

/// Notes what is reported of an orphan now; false where as much was reported before.
pub fn note(orphan: &Orphan, reported: Reported) -> bool {
    ORPHANS.note(orphan, reported)
}
