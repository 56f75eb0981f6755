//! What a thread has done so far, as the kernel counts it.

use core::ffi::CStr;
use std::ffi::CString;

use forkwatch_process::file::read_whole;

/// Counts that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Calls that read.
    pub reads: u64,
    /// Calls that wrote.
    pub writes: u64,
    /// How often it has blocked.
    pub waits: u64,
}

impl Activity {
    /// This thread's counts now; reading them counts, too. `None` where `/proc` does not show them.
    pub fn read() -> Option<Self> {
        let text = |path: &CStr| Some(String::from_utf8_lossy(&read_whole(path)?).into_owned());
        Self::parse(&text(c"/proc/thread-self/io")?, &text(c"/proc/thread-self/status")?)
    }

    /// The same of another thread of this process.
    pub fn of(tid: i32) -> Option<Self> {
        let text = |entry: &str| {
            let path = CString::new(format!("/proc/self/task/{tid}/{entry}")).ok()?;
            Some(String::from_utf8_lossy(&read_whole(&path)?).into_owned())
        };
        Self::parse(&text("io")?, &text("status")?)
    }

    fn parse(io: &str, status: &str) -> Option<Self> {
        let count = |text: &str, key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line?.trim().parse().ok()
        };
        Some(Self {
            reads: count(io, "syscr:")?,
            writes: count(io, "syscw:")?,
            waits: count(status, "voluntary_ctxt_switches:")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Activity;

    #[test]
    fn the_counts_are_read() {
        let io = "rchar: 4\nwchar: 5\nsyscr: 6\nsyscw: 7\nread_bytes: 8\n";
        let status = "Name:\ta\nvoluntary_ctxt_switches:\t9\nnonvoluntary_ctxt_switches:\t10\n";
        let expected = Activity {
            reads: 6,
            writes: 7,
            waits: 9,
        };
        assert_eq!(Activity::parse(io, status), Some(expected));
        assert_eq!(Activity::parse("", status), None);
    }
}
