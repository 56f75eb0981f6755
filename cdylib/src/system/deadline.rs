//! Bounds how long something may take.

use core::time::Duration;

use super::clock;

/// A point in time.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Duration);

impl Deadline {
    /// The deadline `timeout` from now.
    pub fn after(timeout: Duration) -> Self {
        Self(now().saturating_add(timeout))
    }

    /// Whether it has passed; always true where the kernel refuses to give the time.
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
