//! The semaphores of this process that are not locks but signal: initialised to another value than 1, shared between processes,
//! posted by a thread that did not take them, or waited for by the thread that holds them.

use forkwatch_state::address_set::AddressSet;

use crate::system::kernel::Kernel;

static SET: AddressSet<Kernel> = AddressSet::new();

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
