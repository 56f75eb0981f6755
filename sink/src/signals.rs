//! Blocks SIGPIPE and SIGXFSZ, which our writes may raise and the program does not expect. The kernel's signal sets have one
//! bit per signal.
#![expect(
    unsafe_code,
    reason = "signal masks, past libc: its functions may be another library's here"
)]

use forkwatch_process::system_call::system_call;
use rustix::io::Errno;

const SET_BYTES: usize = size_of::<u64>();
const OURS: u64 = bit(libc::SIGPIPE) | bit(libc::SIGXFSZ);

const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// Blocks both signals while it lives.
#[derive(Debug)]
pub struct BlockedSignals {
    before: u64,
    /// Those that were not pending already.
    ours: u64,
    was_raised: bool,
}

impl BlockedSignals {
    /// Blocks them.
    pub fn new() -> Self {
        let before = change_mask(libc::SIG_BLOCK, OURS);
        let mut waiting = 0_u64;
        // Only a signal that was blocked before can be pending already; it is the program's own and must stay pending. Otherwise
        // the system call is avoided, which the program's filter might refuse.
        if before & OURS != 0 {
            let arguments = [&raw mut waiting as usize, SET_BYTES, 0, 0, 0, 0];
            // SAFETY: the kernel fills the set, which is our own.
            unsafe { system_call(libc::SYS_rt_sigpending, arguments) };
        }
        Self {
            before,
            ours: OURS & !waiting,
            was_raised: false,
        }
    }

    /// Notes the error of a write, which may have raised a signal.
    pub fn note(&mut self, error: Errno) {
        self.was_raised |= matches!(error, Errno::PIPE | Errno::FBIG);
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        if self.was_raised {
            let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            let places = [&raw const self.ours as usize, &raw const now as usize];
            let arguments = [places[0], 0, places[1], SET_BYTES, 0, 0];
            // SAFETY: the set and the time are our own. The call does not wait, and takes one signal.
            while unsafe { system_call(libc::SYS_rt_sigtimedwait, arguments) } > 0 {}
        }
        change_mask(libc::SIG_SETMASK, self.before);
    }
}

/// Changes which signals this thread blocks, and returns those that it blocked before.
fn change_mask(how: i32, set: u64) -> u64 {
    let mut before = 0_u64;
    let places = [&raw const set as usize, &raw mut before as usize];
    let arguments = [how.unsigned_abs() as usize, places[0], places[1], SET_BYTES, 0, 0];
    // SAFETY: both sets are our own.
    unsafe { system_call(libc::SYS_rt_sigprocmask, arguments) };
    before
}
