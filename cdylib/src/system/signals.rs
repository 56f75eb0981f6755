//! Which signals the program catches.

use forkwatch_process::file::read_whole;

/// Whether one of the program's handlers may run at any time and post a semaphore. Handlers for faults do not count, nor those of
/// the two signals that libc reserves.
pub fn a_handler_may_post() -> bool {
    let status = read_whole(c"/proc/thread-self/status").unwrap_or_default();
    caught(&status) & !IGNORED != 0
}

/// Whether a handler that this process has, and `parent` does not have, may end a wait of the interpreter, which runs the
/// program's handlers when a wait is interrupted. CPython itself catches SIGINT. If the parent has ended, all handlers count.
pub fn an_own_handler_may_wake(parent: i32) -> bool {
    let own = caught(&read_whole(c"/proc/thread-self/status").unwrap_or_default());
    let path = std::ffi::CString::new(format!("/proc/{parent}/status")).unwrap_or_default();
    let inherited = caught(&read_whole(&path).unwrap_or_default());
    own & !inherited & !(IGNORED | bit(libc::SIGINT)) != 0
}

/// Signals whose handlers post nothing.
const IGNORED: u64 = bit(libc::SIGSEGV)
    | bit(libc::SIGBUS)
    | bit(libc::SIGFPE)
    | bit(libc::SIGILL)
    | bit(libc::SIGTRAP)
    | bit(libc::SIGABRT)
    | bit(libc::SIGSYS)
    | bit(32)
    | bit(33);

const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// The mask of caught signals in the text of `/proc/PID/status`.
fn caught(status: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(status);
    let line = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{IGNORED, bit, caught};

    #[test]
    fn the_mask_is_read_and_faults_do_not_count() {
        let status = b"Name:\ta\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000002402\n";
        let mask = bit(libc::SIGINT) | bit(libc::SIGALRM) | bit(libc::SIGSEGV);
        assert_eq!(caught(status), mask);
        assert_eq!(caught(status) & !IGNORED, bit(libc::SIGINT) | bit(libc::SIGALRM));
        assert_eq!(caught(b"Name:\ta\n"), 0);
    }
}
