//! The process as a whole: its program, its end without ceremony, and whether it is still the one we knew.
#![expect(unsafe_code, reason = "exit_group")]

use core::sync::atomic::{AtomicI32, Ordering};

pub use forkwatch_process::startup::{auxiliary, program_path};
use forkwatch_process::system_call::system_call;

/// The process whose state ours is. Relaxed: written while a process has one thread.
static KNOWN: AtomicI32 = AtomicI32::new(0);

/// This process's id.
pub fn id() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

/// From now on our state is this process's.
pub fn know_this() {
    KNOWN.store(id(), Ordering::Relaxed);
}

/// Whether our state is this process's own, and not a copy of its parent's, or lent by it for a `vfork`.
pub fn is_known() -> bool {
    KNOWN.load(Ordering::Relaxed) == id()
}

/// Ends the process at once: no handlers, no buffers. libc's `_exit` is hooked by ourselves, so the kernel is asked.
pub fn exit_now(status: i32) -> ! {
    loop {
        // SAFETY: `exit_group` takes one number and does not return.
        unsafe { system_call(libc::SYS_exit_group, [status.cast_unsigned() as usize, 0, 0, 0, 0, 0]) };
    }
}

/// Waits for a child of ours to end, and takes its status from nobody else: the caller made it, and nobody else knows of it.
pub fn reap(child: i32) {
    if let Some(child) = rustix::process::Pid::from_raw(child) {
        // A program that ignores SIGCHLD leaves nothing to reap, which is as good.
        let _gone_either_way =
            rustix::io::retry_on_intr(|| rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty()));
    }
}
