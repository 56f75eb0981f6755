//! `/proc/PID/status`.

/// A process's user, and what it has been doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The real user.
    pub user: Option<u32>,
    /// The signals that it has handlers for, one bit each.
    pub handled_signals: u64,
    /// How often its first thread has blocked.
    pub waits: u64,
}

impl Status {
    /// Reads the lines; what is missing stays at nothing.
    pub fn parse(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let value = |key: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(':').map(str::trim))
        };
        Self {
            user: value("Uid").and_then(|ids| ids.split_ascii_whitespace().next()?.parse().ok()),
            handled_signals: value("SigCgt").map_or(0, |mask| u64::from_str_radix(mask, 16).unwrap_or(0)),
            waits: value("voluntary_ctxt_switches").map_or(0, |count| count.parse().unwrap_or(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn the_lines_that_count() {
        let text = b"Name:\tUid: 5\nUid:\t1000\t0\t0\t0\nSigCgt:\t0000000000000402\nvoluntary_ctxt_switches:\t17\n\
                     nonvoluntary_ctxt_switches:\t2\n";
        let expected = Status {
            user: Some(1000),
            handled_signals: 0x402,
            waits: 17,
        };
        assert_eq!(Status::parse(text), expected);
        assert_eq!(Status::parse(b""), Status::default());
    }
}
