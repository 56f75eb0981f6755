//! Words and numbers for people, and text of hostile records made harmless.

use forkwatch_schema::record::LockKind;

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

/// `1 file`, `2,000 files`.
pub fn count(of: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(of), if of == 1 { one } else { many })
}

/// Text in which everything is escaped that moves the cursor, changes colours, breaks lines or turns the direction of writing.
pub fn harmless(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmful(character) {
            harmless.extend(character.escape_default());
        } else {
            harmless.push(character);
        }
    }
    harmless
}

/// Control characters, and the invisible ones of Unicode that break lines, turn direction or hide.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(character, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text, without its middle where it has more than `most` characters.
pub fn shorten(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let (head, tail) = (most / 2, most - most / 2 - 3);
    let mut short: String = text.chars().take(head).collect();
    short.push_str("...");
    short.extend(text.chars().skip(length - tail));
    short
}

/// What people call a sort of lock.
pub const fn lock_sort(kind: LockKind) -> &'static str {
    match kind {
        LockKind::Mutex => "mutex",
        LockKind::RwlockRead => "read-write lock (for reading)",
        LockKind::RwlockWrite => "read-write lock (for writing)",
        LockKind::Spinlock => "spinlock",
        LockKind::Semaphore => "semaphore",
        LockKind::StaticGuard => "guard of a C++ static",
        LockKind::Libc => "lock of libc",
        LockKind::Futex => "lock",
    }
}

/// A time without its parts of a second.
pub fn time(time: &str) -> String {
    let seconds = time.split('.').next().unwrap_or_default();
    format!("{}Z", seconds.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::{count, harmless, number, shorten, time};

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
    fn hostile_text_is_shown_and_not_obeyed() {
        assert_eq!(
            harmless("a\u{1b}[31m\nb\u{202e}größe"),
            "a\\u{1b}[31m\\nb\\u{202e}größe"
        );
    }

    #[test]
    fn long_text_loses_its_middle() {
        assert_eq!(shorten("abcdefghijkl", 9), "abcd...kl");
        assert_eq!(shorten("abc", 9), "abc");
        assert_eq!(time("2026-11-21T03:12:45.123456789Z"), "2026-11-21T03:12:45Z");
    }
}
