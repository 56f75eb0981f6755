//! The end of the process: its `summary`, where there was any finding.

use core::sync::atomic::{AtomicI32, Ordering};

use super::{child, report};
use crate::state::counts;
use crate::state::sandbox;
use crate::state::thread::Busy;
use crate::system::errno::KeepErrno;
use crate::system::process;

/// The process that has written its summary, or 0: `_exit` may follow a destructor. Relaxed: one exchange wins.
static WRITTEN_BY: AtomicI32 = AtomicI32::new(0);

/// Called from our destructor and from `_exit`. Writes no summary in a child whose counts are still its parent's.
#[unsafe(link_section = ".text.forkwatch_child")]
#[expect(unsafe_code, reason = "code that every child runs lies together")]
pub fn process_ends() {
    if sandbox::is_shut() {
        return;
    }
    child::ends();
    summarise();
}

/// Writes this process's summary once, if it had a finding.
#[unsafe(link_section = ".text.forkwatch_child")]
#[expect(unsafe_code, reason = "code that every child runs lies together")]
pub fn summarise() {
    if counts::any_finding() && process::owns_state() {
        summarise_findings();
    }
}

#[cold]
#[inline(never)]
fn summarise_findings() {
    let own = process::id();
    if WRITTEN_BY.swap(own, Ordering::Relaxed) == own {
        return;
    }
    let _errno = KeepErrno::save();
    let _busy = Busy::from_here();
    counts::add_own_forks();
    report::summary();
}
