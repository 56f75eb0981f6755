//! What this process, its parent and its siblings have reported together: see [`forkwatch_state::family`].

use forkwatch_state::family::Family;

use crate::system::kernel::SharedWithChildren;

static FAMILY: Family<SharedWithChildren> = Family::new();

/// Later children share what is reported.
pub fn found() {
    FAMILY.found();
}

/// Whether a process of the family has reported a finding with this fingerprint.
pub fn has(fingerprint: &str) -> bool {
    number(fingerprint).is_some_and(|number| FAMILY.has(number))
}

/// This process reports the finding. False where another has done so.
pub fn insert(fingerprint: &str) -> bool {
    number(fingerprint).is_none_or(|number| FAMILY.insert(number))
}

/// Counts a finding that another process has reported.
pub fn count_repeated() {
    FAMILY.count_repeated();
}

/// The repeated findings that no process has reported yet.
pub fn take_repeated() -> u64 {
    FAMILY.take_repeated()
}

fn number(fingerprint: &str) -> Option<u64> {
    u64::from_str_radix(fingerprint, 16).ok().filter(|number| *number != 0)
}
