//! Whether forks are held back until no other thread holds a lock, and the gate at which the other threads wait meanwhile.
#![expect(unsafe_code, reason = "a static in the section that a fork writes to")]

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use forkwatch_state::gate::Gate;

use crate::system::clock;
use crate::system::kernel::Kernel;

/// Open unless a thread holds its fork back. Written by the fork itself, and by its child.
#[unsafe(link_section = ".data.forkwatch_fork")]
pub static GATE: Gate<Kernel> = Gate::new();

/// In milliseconds; 0: forks are not held back. Relaxed: a value of its own.
static LIMIT: AtomicU32 = AtomicU32::new(0);

/// From now on forks are held back for at most this many milliseconds; 0 for not at all.
pub fn set_limit(milliseconds: u32) {
    LIMIT.store(milliseconds, Ordering::Relaxed);
}

/// How long a fork is held back, and a thread at the gate; `None` where forks are not held back.
pub fn limit() -> Option<Duration> {
    match LIMIT.load(Ordering::Relaxed) {
        0 => None,
        milliseconds => Some(Duration::from_millis(milliseconds.into())),
    }
}

/// Waits at the gate, at most this long.
pub fn wait(at_most: Duration) {
    GATE.wait(at_most, limit().unwrap_or_default(), clock::since_start);
}
