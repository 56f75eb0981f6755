//! The semaphores of this process that are not locks: see [`forkwatch_state::signalling`].

use forkwatch_state::signalling::Signalling;

use crate::system::kernel::Kernel;

static SET: Signalling<Kernel> = Signalling::new();

/// Whether this semaphore signals.
#[inline]
pub fn contains(semaphore: usize) -> bool {
    SET.contains(semaphore)
}

/// Notes that this semaphore signals.
pub fn insert(semaphore: usize) {
    SET.insert(semaphore);
}

/// Forgets this address: the semaphore was destroyed, or initialised to 1.
pub fn remove(semaphore: usize) {
    SET.remove(semaphore);
}
