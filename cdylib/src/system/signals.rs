//! Which signals the program catches.

use forkwatch_process::file::read_whole;
use forkwatch_schema::signals::Handled;

/// The signals that have handlers in this process and in its parent.
pub fn handled(parent: i32) -> Handled {
    let own = read_whole(c"/proc/thread-self/status").and_then(|status| caught(&status));
    let path = std::ffi::CString::new(format!("/proc/{parent}/status")).unwrap_or_default();
    Handled {
        here: own.unwrap_or(0),
        in_parent: read_whole(&path).and_then(|status| caught(&status)),
    }
}

/// The mask of caught signals in the text of `/proc/PID/status`.
fn caught(status: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(status);
    let line = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    u64::from_str_radix(line?.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[test]
    fn the_mask_is_read() {
        let status = b"Name:\ta\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000002402\n";
        assert_eq!(caught(status), Some(0x2402));
        assert_eq!(caught(b"Name:\ta\n"), None);
    }
}
