//! How long something may go on.

use core::time::Duration;

use super::clock;

/// A snapshot to come.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Duration);

impl Deadline {
    /// In so long a time from now.
    pub fn after(patience: Duration) -> Self {
        Self(now().saturating_add(patience))
    }

    /// Whether it is over; always, where the kernel refuses to say the time.
    pub fn has_passed(self) -> bool {
        let now = now();
        now.is_zero() || now >= self.0
    }
}

fn now() -> Duration {
    let now = clock::exact();
    let seconds = Duration::from_secs(now.seconds.unsigned_abs());
    seconds + Duration::from_nanos(now.nanoseconds.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::Deadline;

    #[test]
    fn a_deadline_passes() {
        assert!(!Deadline::after(Duration::from_secs(3600)).has_passed());
        assert!(Deadline::after(Duration::ZERO).has_passed());
    }
}
