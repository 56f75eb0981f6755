//! The report lock of this process: its holder reports, and no fork is under way meanwhile.
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

/// The steps of a fork, with the report lock and the fork record under way.
pub type AllForks = Forks<Box<ForkRecord>, Kernel, ThisThread>;

/// How long a fork waits for another thread's report before it continues unwatched, and how long a report waits for a fork
/// before it is dropped.
pub const TIMEOUT: Duration = Duration::from_secs(2);

/// With less memory than this, in bytes, nothing is examined or reported.
const MIN_MEMORY: usize = 8 << 20;

/// The report lock, which is held across the copy and while something is reported, and the fork record under way.
// SAFETY: the process has no other.
#[unsafe(link_section = ".data.forkwatch_fork")]
pub static FORKS: AllForks = unsafe { Forks::only() };
/// This process is a child that was copied while another thread was changing our state: it reports nothing. Relaxed: written
/// while the child has one thread.
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

/// Runs `report` with the report lock, on the library's own stack and heap. Does nothing where the lock cannot be had in time, or
/// this process reports nothing.
pub fn with_lock(report: impl FnOnce(&mut ReportLock)) {
    if !is_mute() && !sandbox::is_shut() {
        FORKS.with_lock(TIMEOUT, |lock| in_own_memory(lock, report));
    }
}

/// Runs `work` on the library's own stack and heap, and returns the pages of both to the kernel. If `work` panics, its result is
/// lost and the program continues.
pub fn in_own_memory(lock: &mut ReportLock, work: impl FnOnce(&mut ReportLock)) {
    if !has_memory() {
        return;
    }
    let _lost_on_panic = allocator::with_scratch(|| big_stack::run(lock, work));
    allocator::clear_scratch();
    big_stack::clear(lock);
}

/// Whether there is enough memory to examine a fork and report it. If not, says so once, without allocating.
pub fn has_memory() -> bool {
    // Relaxed: one exchange wins.
    static SAID: AtomicBool = AtomicBool::new(false);
    let has_memory = allocator::has_memory(MIN_MEMORY);
    if !has_memory && config::get().text == b"stderr" && !SAID.swap(true, Ordering::Relaxed) {
        standard_error::write(b"forkwatch: out of memory, so a finding cannot be reported; the program continues\n");
    }
    has_memory
}
