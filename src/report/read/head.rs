//! Extracts from a line what grouping needs.
//!
//! The library writes its keys in one order, so most lines are read by position and never parsed. A line from another
//! writer is parsed, which only costs time.

use std::sync::LazyLock;

use forkwatch_schema::kind::Severity;
use memchr::memmem::Finder;
use memchr::{memchr, memchr2};

/// Nanoseconds since 1970, UTC.
pub type Time = u64;

/// The scalars of a record. Strings are as in the line, between their quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head<'line> {
    /// When it was written.
    pub time: Time,
    /// How bad it is, according to its writer.
    pub severity: Severity,
    /// Its kind.
    pub kind: &'line [u8],
    /// Its fingerprint.
    pub fingerprint: &'line [u8],
    /// Who wrote it.
    pub host: &'line [u8],
    /// The process there, in digits.
    pub pid: &'line [u8],
    /// That process's program.
    pub exe: &'line [u8],
    /// The fork it belongs to.
    pub fork_id: Option<&'line [u8]>,
}

const START: &[u8] = b"{\"time\":\"";

struct Finders {
    host: Finder<'static>,
    exe: Finder<'static>,
    fork_id: Finder<'static>,
    start: Finder<'static>,
}

/// A quote inside a text is escaped, so that none of these can be found in the middle of one.
static FINDERS: LazyLock<Finders> = LazyLock::new(|| Finders {
    host: Finder::new(b"\",\"host\":\""),
    exe: Finder::new(b",\"exe\":\""),
    fork_id: Finder::new(b",\"fork_id\":"),
    start: Finder::new(START),
});

/// Reads a line written by the library. `None` if anything differs from what the library writes; the line must then be parsed.
pub fn by_position(line: &[u8]) -> Option<Head<'_>> {
    let finders = &*FINDERS;
    let rest = after(line, b"{\"time\":\"")?;
    let (time, rest) = rest.split_first_chunk::<30>()?;
    if time[29] != b'Z' || !line.ends_with(b"}") {
        return None;
    }
    let time = nanoseconds(time)?;
    let rest = after(rest, b"\",\"severity\":\"")?;
    let (severity, rest) = match rest {
        [b'I', b'N', b'F', b'O', rest @ ..] => (Severity::Info, rest),
        [b'W', b'A', b'R', b'N', rest @ ..] => (Severity::Warn, rest),
        [b'E', b'R', b'R', b'O', b'R', rest @ ..] => (Severity::Error, rest),
        [b'F', b'A', b'T', b'A', b'L', rest @ ..] => (Severity::Fatal, rest),
        _ => return None,
    };
    let rest = after(rest, b"\",\"schema\":\"forkwatch/1\",\"kind\":\"")?;
    let (kind, rest) = text(rest)?;
    let rest = after(rest, b",\"fingerprint\":\"")?;
    let (fingerprint, rest) = rest.split_first_chunk::<16>()?;
    let rest = after(rest, b"\",\"message\":\"")?;
    let rest = rest.get(finders.host.find(rest)? + finders.host.needle().len()..)?;
    let (host, rest) = text(rest)?;
    let rest = after(rest, b",\"pid\":")?;
    let (pid, rest) = rest.split_at_checked(memchr(b',', rest)?)?;
    let rest = rest.get(finders.exe.find(rest)? + finders.exe.needle().len()..)?;
    let (exe, rest) = text(rest)?;
    let rest = rest.get(finders.fork_id.find(rest)? + finders.fork_id.needle().len()..)?;
    let fork_id = match after(rest, b"\"") {
        Some(rest) => Some(text(rest)?.0),
        None => rest.starts_with(b"null").then_some(None)?,
    };
    // A record that was cut short, with the next one behind it in the same line, contains two records, neither of them complete.
    if !is_hex(fingerprint) || finders.start.find(line.get(1..)?).is_some() {
        return None;
    }
    Some(Head {
        time,
        severity,
        kind,
        fingerprint,
        host,
        pid,
        exe,
        fork_id,
    })
}

/// What follows a beginning of known length, which the compiler compares in a few instructions.
#[inline]
fn after<'bytes, const LENGTH: usize>(bytes: &'bytes [u8], start: &[u8; LENGTH]) -> Option<&'bytes [u8]> {
    let (found, rest) = bytes.split_first_chunk::<LENGTH>()?;
    (found == start).then_some(rest)
}

/// A text up to its closing quote, and what follows it. One with an escape is left to the parser.
#[inline]
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr2(b'"', b'\\', bytes)?;
    let (text, rest) = bytes.split_at_checked(end)?;
    Some((text, after(rest, b"\"")?))
}

#[inline]
fn is_hex(digits: &[u8; 16]) -> bool {
    // Without an early exit, so that all digits are checked in one instruction.
    digits.iter().fold(true, |all, digit| {
        all & (digit.wrapping_sub(b'0') < 10 || digit.wrapping_sub(b'a') < 6)
    })
}

/// `2026-11-21T03:12:45.123456789Z` as a number; `None` where a part is out of its range. If a digit is invalid, the
/// result is some number.
fn nanoseconds(time: &[u8; 30]) -> Option<Time> {
    let digits = |from: usize, to: usize| {
        let digit = |number: u64, &byte: &u8| number * 10 + u64::from(byte & 15);
        time[from..to].iter().fold(0, digit)
    };
    let (year, month, day) = (digits(0, 4), digits(5, 7), digits(8, 10));
    let (hour, minute, second) = (digits(11, 13), digits(14, 16), digits(17, 19));
    // All at once: none of them is ever out of range, but in a line that something has damaged.
    if (month.wrapping_sub(1) >= 12) | (day.wrapping_sub(1) >= 31) | (hour >= 24) | (minute >= 60) | (second >= 61) {
        return None;
    }
    // Years that begin in March end with the leap day.
    let (year, month) = if month < 3 {
        (year.saturating_sub(1), month + 9)
    } else {
        (year, month - 3)
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day;
    // Before 1970, and from 2554 on, the parser decides whether this is a time.
    let seconds = days.checked_sub(719_469)? * 86_400 + hour * 3600 + minute * 60 + second;
    seconds.checked_mul(1_000_000_000)?.checked_add(digits(20, 29))
}

#[cfg(test)]
mod tests {
    use super::{by_position, nanoseconds};
    use forkwatch_schema::kind::Severity;

    const LINE: &str = r#"{"time":"2026-11-21T03:12:45.123456789Z","severity":"WARN","schema":"forkwatch/1","kind":"unsafe_fork","fingerprint":"0123456789abcdef","message":"fork() in \"a\",\"host\":\"no\"","host":"node-7","pid":42,"ppid":1,"tid":42,"thread":"main","exe":"/bin/shop","argv":["x\",\"fork_id\":\"no"],"service":"shop","context":null,"fork_id":"42-1-2","lock":{}}"#;

    #[test]
    fn scalars_are_found_by_position() {
        let head = by_position(LINE.as_bytes()).unwrap();
        let time: jiff::Timestamp = "2026-11-21T03:12:45.123456789Z".parse().unwrap();
        assert_eq!(i128::from(head.time), time.as_nanosecond());
        assert_eq!((head.severity, head.kind), (Severity::Warn, &b"unsafe_fork"[..]));
        assert_eq!(head.fingerprint, b"0123456789abcdef");
        assert_eq!((head.host, head.pid), (&b"node-7"[..], &b"42"[..]));
        assert_eq!((head.exe, head.fork_id), (&b"/bin/shop"[..], Some(&b"42-1-2"[..])));
    }

    #[test]
    fn a_null_is_no_fork() {
        let line = LINE.replace("\"42-1-2\"", "null");
        assert_eq!(by_position(line.as_bytes()).unwrap().fork_id, None);
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for time in [
            "1970-01-01",
            "1999-12-31",
            "2000-02-29",
            "2024-02-29",
            "2026-03-01",
            "2100-12-01",
        ] {
            let time = format!("{time}T23:59:58.000000001Z");
            let expected = time.parse::<jiff::Timestamp>().unwrap().as_nanosecond();
            assert_eq!(
                i128::from(nanoseconds(time.as_bytes().try_into().unwrap()).unwrap()),
                expected,
                "{time}"
            );
        }
    }

    #[test]
    fn whatever_looks_odd_is_left_to_the_parser() {
        let glued = format!("{}{LINE}", &LINE[..200]);
        for odd in [
            &LINE[..LINE.len() - 2],
            &LINE.replace("forkwatch/1", "forkwatch/2"),
            &LINE.replace("WARN", "LOUD"),
            &LINE.replace("/bin/shop", "/bin/\\u00e9"),
            &LINE.replace("0123456789abcdef", "0123456789ABCDEF"),
            &LINE.replace("\"time\":", "\"time\": "),
            &LINE.replace("2026-11", "2026-13"),
            &LINE.replace("T03:12", "T24:12"),
            &LINE.replace("2026-11", "1013-11"),
            &LINE.replace("2026-11", "2555-11"),
            &glued,
            "",
            "{}",
        ] {
            assert_eq!(by_position(odd.as_bytes()), None, "{odd}");
        }
    }
}
