//! Times as records write them.

use ::time::OffsetDateTime;

/// RFC 3339 in UTC, always with nine digits of a second, of seconds and nanoseconds since 1970.
pub fn rfc3339(seconds: i64, nanoseconds: i64) -> String {
    let date = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{nanoseconds:09}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        date.hour(),
        date.minute(),
        date.second()
    )
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn times_have_nine_digits_of_a_second() {
        assert_eq!(rfc3339(0, 5), "1970-01-01T00:00:00.000000005Z");
        assert_eq!(rfc3339(1_800_000_000, 0), "2027-01-15T08:00:00.000000000Z");
    }
}
