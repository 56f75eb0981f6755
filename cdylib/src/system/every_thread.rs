//! A memory barrier in every thread of this process at once, so that the threads' own hot paths need none: `membarrier(2)`.

use core::sync::atomic::{Ordering, fence};

use rustix::thread::{MembarrierCommand, membarrier};

/// Asks the kernel to be ready for [`barrier`]. False where it cannot, or a sandbox forbids it. Fast while there is one thread, and
/// inherited by children.
pub fn prepare_barrier() -> bool {
    membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok()
}

/// What each thread wrote before this is seen after it, and what each thread reads after this is what was written before it. False where
/// [`prepare_barrier`] was not called.
pub fn barrier() -> bool {
    // SeqCst: as strong as the kernel's, for this thread.
    fence(Ordering::SeqCst);
    membarrier(MembarrierCommand::PrivateExpedited).is_ok()
}
