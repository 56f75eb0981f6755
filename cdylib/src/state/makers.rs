//! Where each lock was made: of a lock on the heap, nothing else is the same in another run. One whose memory was freed without a call that
//! ends the lock is still known.

use forkwatch_state::by_address::ByAddress;

use super::depot::{NO_STACK, StackId};
use crate::system::kernel::Kernel;

static MAKERS: ByAddress<Kernel> = ByAddress::new();

/// What the table loses of a number.
const LOST_BITS: u32 = 16;

/// A lock at this address is made here.
pub fn note(address: usize, stack: StackId) {
    MAKERS.note(address, u64::from(stack.0) << LOST_BITS);
}

/// The lock at this address has ended, or is made where nobody looks.
pub fn forget(address: usize) {
    MAKERS.forget(address);
}

/// Where the lock at this address was made; [`NO_STACK`] where that was not seen.
pub fn of(address: usize) -> StackId {
    u32::try_from(MAKERS.last(address) >> LOST_BITS).map_or(NO_STACK, StackId)
}
