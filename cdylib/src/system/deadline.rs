//! Bounds how long something may take.

use core::time::Duration;

use super::clock;

/// A point in time.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Duration);

impl Deadline {
    /// The deadline `timeout` from now.
    pub fn after(timeout: Duration) -> Self {
        Self(clock::since_start().saturating_add(timeout))
    }

    /// Whether it has passed; always true where the kernel refuses to give the time.
    pub fn has_passed(self) -> bool {
        let now = clock::since_start();
        now.is_zero() || now >= self.0
    }
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
