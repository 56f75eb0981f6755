//! The report lock of this process: whoever holds it reports, and no fork is under way meanwhile.
#![expect(unsafe_code, reason = "statics in the section that a fork writes to")]

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use forkwatch_state::fork::Forks;

use crate::config;
use crate::sink::standard_error;
use crate::state::report_lock::ReportLock;
use crate::state::sandbox;
use crate::system::kernel::Kernel;
use crate::system::thread_word::ThisThread;
use crate::system::{allocator, big_stack};
use crate::verdict::fork_record::ForkRecord;

/// The order of a fork, with the report lock and the fork that is under way.
pub type AllForks = Forks<Box<ForkRecord>, Kernel, ThisThread>;

/// How long a fork waits for another thread's report before it goes on unwatched, and a report for a fork before it is given up.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Without so much memory, in bytes, nothing is looked at and nothing reported.
const LEAST_MEMORY: usize = 8 << 20;

/// The report lock, which is held over the copy and while something is reported, and the fork that is under way.
// SAFETY: the process has no other.
#[unsafe(link_section = ".data.forkwatch_fork")]
pub static FORKS: AllForks = unsafe { Forks::only() };
/// This process is a child whose copy found our state in somebody else's hands: it reports nothing. Relaxed: written while the
/// child has one thread.
#[unsafe(link_section = ".data.forkwatch_fork")]
static MUTE: AtomicBool = AtomicBool::new(false);

/// This process reports nothing from now on, because its copy of our state may be half-changed.
pub fn become_mute() {
    MUTE.store(true, Ordering::Relaxed);
}

/// Whether this process reports nothing.
pub fn is_mute() -> bool {
    MUTE.load(Ordering::Relaxed)
}

/// Runs `report` with the report lock, on a stack and in memory of our own. Gives up where the lock cannot be had in time, or
/// this process reports nothing.
pub fn with_lock(report: impl FnOnce(&mut ReportLock)) {
    if !is_mute() && !sandbox::is_shut() {
        FORKS.while_none(PATIENCE, |lock| in_own_memory(lock, report));
    }
}

/// Runs `work` on a stack and in memory of our own, and gives both back to the kernel. What panics in there is lost, and the
/// program goes on.
pub fn in_own_memory(lock: &mut ReportLock, work: impl FnOnce(&mut ReportLock)) {
    if !has_memory() {
        return;
    }
    // Where the work panicked, there is nothing to report and nobody to report it to.
    let _lost_on_panic = allocator::with_scratch(|| big_stack::run(lock, work));
    allocator::clear_scratch();
    big_stack::clear(lock);
}

/// Whether there is memory enough to look at a fork, and to report. Says so once where there is not, without any memory.
pub fn has_memory() -> bool {
    // Relaxed: one exchange wins.
    static SAID: AtomicBool = AtomicBool::new(false);
    let has_memory = allocator::has_memory(LEAST_MEMORY);
    if !has_memory && config::get().text == b"stderr" && !SAID.swap(true, Ordering::Relaxed) {
        standard_error::write(b"forkwatch: out of memory, so a finding cannot be reported; the program continues\n");
    }
    has_memory
}
