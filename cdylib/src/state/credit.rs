//! Time that may be spent on optional work: an initial credit, and then an eighth of the time that passes. So a program that
//! keeps causing such work loses at most an eighth of its time.

use crate::system::clock;

/// What is left of it. All zero is the valid first state.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Credit {
    /// In ticks of the processor's clock.
    left: i64,
    /// When it was last asked for or paid; 0 before.
    last: u64,
}

impl Credit {
    /// Nothing spent and nothing asked for.
    pub const fn new() -> Self {
        Self { left: 0, last: 0 }
    }

    /// Adds what was earned since the last call, and returns whether anything is left. `first` is the initial credit, and the
    /// most that can accumulate.
    pub fn is_left(&mut self, first: i64) -> bool {
        let now = clock::ticks();
        if self.last == 0 {
            self.left = first;
        } else {
            let earned = i64::try_from(now.saturating_sub(self.last) / 8).unwrap_or(first);
            self.left = self.left.saturating_add(earned).min(first);
        }
        self.last = now;
        self.left > 0
    }

    /// Pays for the work since [`Self::is_left`], `max_charge` at most.
    pub fn pay(&mut self, max_charge: u64) {
        let now = clock::ticks();
        self.left -= i64::try_from(now.saturating_sub(self.last).min(max_charge)).unwrap_or(0);
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::Credit;

    #[test]
    fn what_is_spent_is_not_left() {
        let mut credit = Credit::new();
        assert!(credit.is_left(1_000_000));
        credit.left -= 1_000_000_000_000;
        credit.pay(u64::MAX);
        assert!(!credit.is_left(1_000_000));
        let mut fresh = Credit::new();
        assert!(fresh.is_left(i64::MAX));
        fresh.pay(0);
        assert!(fresh.is_left(i64::MAX));
    }
}
