//! Whether the program has entered a sandbox that would kill it at one of the library's system calls. From then on the library
//! makes none: every hook that needs one passes straight through. So it is from the start in a program that is not to be watched.

use core::sync::atomic::{AtomicBool, Ordering};

/// Relaxed: the thread that sets it is the one that the filter is for, and no other memory goes with it.
static SHUT: AtomicBool = AtomicBool::new(false);

/// Whether the library may make no system call in this process.
#[inline(always)]
pub fn is_shut() -> bool {
    SHUT.load(Ordering::Relaxed)
}

/// Sets whether it may not.
pub fn set_shut(shut: bool) {
    SHUT.store(shut, Ordering::Relaxed);
}

/// Relaxed: as above.
static FILTERED: AtomicBool = AtomicBool::new(false);

/// Whether the program has installed a filter: only the system calls that are said to be needed are sure to pass it.
#[inline(always)]
pub fn is_filtered() -> bool {
    FILTERED.load(Ordering::Relaxed)
}

/// The program installs a filter.
pub fn set_filtered() {
    FILTERED.store(true, Ordering::Relaxed);
}
