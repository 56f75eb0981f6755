//! Which signals the program catches.

use super::file::read_whole;

/// Whether a handler of the program's may run at any time and post a semaphore. Handlers for faults, for the end of the
/// process or of a child are not counted: programs install them for themselves, and libc two for its own use.
pub fn a_handler_may_post() -> bool {
    let status = read_whole(c"/proc/thread-self/status").unwrap_or_default();
    caught(&status) & may_post() != 0
}

const fn may_post() -> u64 {
    const FIRST_OF_PROGRAMS: i32 = 35;
    const LAST: i32 = 64;
    let named = [
        libc::SIGALRM,
        libc::SIGVTALRM,
        libc::SIGPROF,
        libc::SIGIO,
        libc::SIGUSR1,
        libc::SIGUSR2,
    ];
    let mut mask = 0;
    let mut index = 0;
    while index < named.len() {
        mask |= bit(named[index]);
        index += 1;
    }
    let mut signal = FIRST_OF_PROGRAMS;
    while signal <= LAST {
        mask |= bit(signal);
        signal += 1;
    }
    mask
}

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
    use super::{bit, caught, may_post};

    #[test]
    fn the_mask_is_read_and_only_some_signals_count() {
        let status = b"Name:\ta\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000002002\n";
        assert_eq!(caught(status), bit(libc::SIGINT) | bit(libc::SIGALRM));
        assert_ne!(caught(status) & may_post(), 0);
        assert_eq!(
            may_post() & (bit(libc::SIGINT) | bit(libc::SIGCHLD) | bit(32) | bit(33)),
            0
        );
        assert_ne!(may_post() & bit(64), 0);
    }
}
