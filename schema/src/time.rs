//! Times as records write them.

use jiff::Timestamp;

/// RFC 3339 in UTC, always with nine digits of a second, of seconds and nanoseconds since 1970.
pub fn rfc3339(seconds: i64, nanoseconds: i64) -> String {
    let nanoseconds = i32::try_from(nanoseconds).unwrap_or(0);
    shown(Timestamp::new(seconds, nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// The same for a time.
pub fn shown(time: Timestamp) -> String {
    format!("{time:.9}")
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn times_have_nine_digits_of_a_second() {
        assert_eq!(rfc3339(0, 5), "1970-01-01T00:00:00.000000005Z");
        assert_eq!(rfc3339(1_800_000_000, 0), "2027-01-15T08:00:00.000000000Z");
        assert_eq!(rfc3339(i64::MAX, 0), "1970-01-01T00:00:00.000000000Z");
    }
}
