//! The locks that a forked child may take without harm, or about which it has already judged: no `possible_deadlock` is reported for
//! them.

use forkwatch_state::address_set::AddressSet;

use crate::system::kernel::Kernel;

static SET: AddressSet<Kernel> = AddressSet::new();

/// Whether nothing is to be reported about this lock.
pub fn contains(address: usize) -> bool {
    SET.contains(address)
}

/// Nothing more is to be reported about this lock: it was judged, or the forking thread held it across the fork.
pub fn insert(address: usize) {
    SET.insert(address);
}
