//! How long something may go on.

use core::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment to come.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Duration);

impl Deadline {
    /// In so long a time from now.
    pub fn after(patience: Duration) -> Self {
        Self(now().saturating_add(patience))
    }

    /// Whether it is over.
    pub fn has_passed(self) -> bool {
        now() >= self.0
    }
}

fn now() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
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
