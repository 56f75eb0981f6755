//! Where each lock was made: see [`forkwatch_state::makers`].

use forkwatch_state::makers::Makers;

use super::depot::StackId;
use crate::system::kernel::Kernel;

static MAKERS: Makers<Kernel> = Makers::new();

/// A lock at this address is made here.
pub fn note(address: usize, stack: StackId) {
    MAKERS.note(address, stack);
}

/// The lock at this address has ended, or is made where nobody looks.
pub fn forget(address: usize) {
    MAKERS.forget(address);
}

/// Where the lock at this address was made; [`NO_STACK`](super::depot::NO_STACK) where that was not seen.
pub fn of(address: usize) -> StackId {
    MAKERS.of(address)
}
