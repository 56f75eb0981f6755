//! Numbers and times for people.

/// A number with a comma between each three digits.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 thread`, `2,000 threads`.
pub fn count(of: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(of), if of == 1 { one } else { many })
}

/// The same for the length of a list.
pub fn count_of(list: usize, one: &str, many: &str) -> String {
    count(list as u64, one, many)
}

/// A time in UTC without its parts of a second: seconds are enough for people.
pub fn time(time: &str) -> String {
    let seconds = time.split('.').next().unwrap_or_default();
    format!("{}Z", seconds.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::{count, number, time};

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(number),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(count(1, "host", "hosts"), "1 host");
        assert_eq!(count(1200, "host", "hosts"), "1,200 hosts");
    }

    #[test]
    fn seconds_are_enough() {
        assert_eq!(time("2026-11-21T03:12:45.123456789Z"), "2026-11-21T03:12:45Z");
    }
}
