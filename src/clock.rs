//! Times as records write them.

use std::fs;

use forkwatch_schema::time::rfc3339;
use rustix::param::clock_ticks_per_second;
use rustix::time::{ClockId, clock_gettime};

/// Now, as RFC 3339 in UTC, always with nine digits of a second.
pub fn now() -> String {
    let now = clock_gettime(ClockId::Realtime);
    rfc3339(now.tv_sec, now.tv_nsec)
}

/// A time that a process started at or shortly after, given the ticks in its `stat`. If the boot time is not known,
/// it is the earliest time.
pub fn started(ticks: u64) -> String {
    /// The boot time is given in whole seconds.
    const ROUNDING: i64 = 2;
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let mut lines = text.lines();
    let boot = lines.find_map(|line| line.strip_prefix("btime ")?.trim().parse::<i64>().ok());
    let seconds = i64::try_from(ticks / clock_ticks_per_second().max(1)).unwrap_or(0);
    boot.map_or_else(String::new, |boot| rfc3339(boot + seconds - ROUNDING, 0))
}

#[cfg(test)]
mod tests {
    use super::{now, started};
    use crate::proc::Process;

    #[test]
    fn times_compare_as_texts() {
        let own = Process(std::process::id().cast_signed()).stat().unwrap();
        let started = started(own.started);
        assert!(!started.is_empty() && started < now());
    }
}
