//! The process as a whole: its program, its immediate end, and whether our state is its own or its parent's.
#![expect(unsafe_code, reason = "exit_group")]

use core::sync::atomic::{AtomicI32, Ordering};

pub use forkwatch_process::startup::{auxiliary, program_path};
use forkwatch_process::system_call::system_call;

/// The process that our state belongs to. Relaxed: written while a process has one thread.
static STATE_OWNER: AtomicI32 = AtomicI32::new(0);

/// This process's id.
#[inline(always)]
pub fn id() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

/// From now on our state belongs to this process.
pub fn claim_state() {
    STATE_OWNER.store(id(), Ordering::Relaxed);
}

/// Whether our state belongs to this process: it is neither a copy of its parent's, nor its parent's own during a `vfork`.
#[inline(always)]
pub fn owns_state() -> bool {
    STATE_OWNER.load(Ordering::Relaxed) == id()
}

/// Ends the process at once: no handlers, no flushing. By system call, because we hook libc's `_exit`.
pub fn exit_now(status: i32) -> ! {
    loop {
        // SAFETY: `exit_group` takes one number and does not return.
        unsafe { system_call(libc::SYS_exit_group, [status.cast_unsigned() as usize, 0, 0, 0, 0, 0]) };
    }
}

/// Waits for a stopped child to end. Only the caller knows its id, so this takes its status from no other waiter.
pub fn reap(child: i32) {
    if let Some(child) = rustix::process::Pid::from_raw(child) {
        // A program that ignores SIGCHLD leaves nothing to reap, which is fine.
        let _gone_either_way =
            rustix::io::retry_on_intr(|| rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty()));
    }
}
