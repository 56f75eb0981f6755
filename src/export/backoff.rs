//! How long to wait before the next attempt: twice as long each time, up to a limit, with a part left to chance so that many
//! senders do not come back together; or as long as the receiver asks for.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// The first wait, before chance has its part.
const FIRST: Duration = Duration::from_millis(500);

/// No wait of our own is longer.
const LONGEST: Duration = Duration::from_secs(30);

/// Longer than this is not waited for a receiver that asks for it, at a time.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// The waits between the attempts for one batch.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
    /// When there is no further attempt; `None` if there always is.
    end: Option<Instant>,
    chance: RandomState,
}

impl Backoff {
    /// For attempts that end after this time, if there is one.
    pub fn new(patience: Option<Duration>) -> Self {
        Self {
            next: FIRST,
            end: patience.and_then(|patience| Instant::now().checked_add(patience)),
            chance: RandomState::new(),
        }
    }

    /// The next wait; `None` if that would take too long.
    pub fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let own = self.next;
        self.next = (own * 2).min(LONGEST);
        let wait = match asked {
            // Not earlier than asked.
            Some(asked) => asked.min(LONGEST_ASKED) + self.part(FIRST),
            None => own / 2 + self.part(own / 2),
        };
        let is_too_late = self.end.is_some_and(|end| Instant::now() + wait > end);
        (!is_too_late).then_some(wait)
    }

    /// Between nothing and all of a time. The hasher's keys are random, and differ each time.
    fn part(&mut self, of: Duration) -> Duration {
        let number = self.chance.build_hasher().finish();
        self.chance = RandomState::new();
        of.mul_f64(f64::from(u32::try_from(number >> 32).unwrap_or(0)) / f64::from(u32::MAX))
    }
}

/// The value of a `Retry-After`: seconds, or a date.
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(date.duration_since(now).try_into().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Backoff, FIRST, LONGEST, retry_after};

    #[test]
    fn waits_double_up_to_a_limit() {
        let mut backoff = Backoff::new(None);
        let waits: Vec<Duration> = (0..12).map(|_| backoff.next(None).unwrap()).collect();
        let mut most = FIRST;
        for wait in &waits {
            assert!(*wait >= most / 2 && *wait <= most, "{waits:?}");
            most = (most * 2).min(LONGEST);
        }
        assert_ne!(waits[11], waits[10], "chance has a part in it");
    }

    #[test]
    fn what_the_receiver_asks_for_is_kept() {
        let mut backoff = Backoff::new(Some(Duration::from_secs(60)));
        let wait = backoff.next(Some(Duration::from_secs(7))).unwrap();
        assert!(wait >= Duration::from_secs(7) && wait < Duration::from_secs(8));
        assert_eq!(backoff.next(Some(Duration::from_secs(61))), None);
    }

    #[test]
    fn seconds_and_dates() {
        let now = "2026-11-21T03:00:00Z".parse().unwrap();
        let after = |value: &str| retry_after(value, now).map(|time| time.as_secs_f64());
        assert_eq!(after(" 120 "), Some(120.0));
        assert_eq!(after("0.5"), Some(0.5));
        assert_eq!(after("Sat, 21 Nov 2026 03:00:30 GMT"), Some(30.0));
        assert_eq!(after("Sat, 21 Nov 2026 02:00:00 GMT"), Some(0.0));
        assert_eq!((after("soon"), after("-3"), after("1e300")), (None, None, None));
    }
}
