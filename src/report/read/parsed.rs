//! A line that is not as the library writes it, parsed: keys in any order, a newer schema, kinds that are not known here.

use std::borrow::Cow;

use forkwatch_schema::kind::Severity;
use forkwatch_schema::time::shown;
use serde::Deserialize;

use super::head::{Head, Time};

/// The scalars that grouping needs. Missing ones are empty, but a record must have a kind and a fingerprint.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub struct Parsed<'line> {
    #[serde(borrow, default)]
    time: Option<Cow<'line, str>>,
    #[serde(borrow, default)]
    severity: Option<Cow<'line, str>>,
    #[serde(borrow)]
    schema: Cow<'line, str>,
    #[serde(borrow)]
    kind: Cow<'line, str>,
    #[serde(borrow)]
    fingerprint: Cow<'line, str>,
    #[serde(borrow, default)]
    host: Option<Cow<'line, str>>,
    #[serde(default)]
    pid: Option<i64>,
    #[serde(borrow, default)]
    exe: Option<Cow<'line, str>>,
    #[serde(borrow, default)]
    fork_id: Option<Cow<'line, str>>,
    #[serde(skip)]
    digits: String,
}

/// Parses a line. The error says in a few words what is wrong with it.
pub fn parse(line: &[u8]) -> Result<Parsed<'_>, String> {
    // serde would also accept its fields in a list.
    if matches!(line.first(), Some(b'[')) {
        return Err("not a forkwatch record (a list)".to_owned());
    }
    let mut parsed: Parsed<'_> = serde_json::from_slice(line).map_err(|error| {
        // Each record is a line of its own: "line 1" would contradict its number in the file.
        let why = error.to_string().replace(" at line 1 column ", " at column ");
        if error.is_data() {
            // The error would be about a field; readers need to know what the line is not.
            format!("not a forkwatch record ({why})")
        } else {
            format!("not JSON ({why})")
        }
    })?;
    if !parsed.schema.starts_with("forkwatch/") {
        return Err(format!("not a forkwatch record (its schema is '{}')", parsed.schema));
    }
    parsed.digits = parsed.pid.map_or_else(String::new, |pid| pid.to_string());
    Ok(parsed)
}

impl Parsed<'_> {
    /// The same as [`super::head::by_position`] gives.
    pub fn head(&self) -> Head<'_> {
        Head {
            time: time(self.time.as_deref().unwrap_or_default()),
            // An unknown level still means that somebody reported it.
            severity: self
                .severity
                .as_deref()
                .and_then(Severity::parse)
                .unwrap_or(Severity::Info),
            kind: self.kind.as_bytes(),
            fingerprint: self.fingerprint.as_bytes(),
            host: self.host.as_deref().unwrap_or_default().as_bytes(),
            pid: self.digits.as_bytes(),
            exe: self.exe.as_deref().unwrap_or_default().as_bytes(),
            fork_id: self.fork_id.as_deref().map(str::as_bytes),
        }
    }
}

/// A time as a number; an invalid one is older than all others.
pub fn time(text: &str) -> Time {
    let parsed = text
        .parse::<jiff::Timestamp>()
        .map_or(0, jiff::Timestamp::as_nanosecond);
    Time::try_from(parsed).unwrap_or(0)
}

/// A time as the library writes it.
pub fn rfc3339(time: Time) -> String {
    shown(jiff::Timestamp::from_nanosecond(i128::from(time)).unwrap_or(jiff::Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::{parse, rfc3339, time};
    use forkwatch_schema::kind::Severity;

    #[test]
    fn keys_in_another_order_and_a_newer_schema_are_read() {
        let line = br#"{"kind":"new_kind","later":{"a":1},"fingerprint":"x","schema":"forkwatch/2","host":"\u0061","pid":7,"severity":"fatal","time":"2026-11-21T04:12:45+01:00"}"#;
        let parsed = parse(line).unwrap();
        let head = parsed.head();
        assert_eq!(
            (head.kind, head.fingerprint, head.host, head.pid),
            (&b"new_kind"[..], &b"x"[..], &b"a"[..], &b"7"[..])
        );
        assert_eq!(head.severity, Severity::Fatal);
        assert_eq!(rfc3339(head.time), "2026-11-21T03:12:45.000000000Z");
        assert_eq!((head.exe, head.fork_id), (&b""[..], None));
    }

    #[test]
    fn invalid_lines_are_reported() {
        assert!(parse(b"{\"time\":").unwrap_err().starts_with("not JSON"));
        assert_eq!(parse(b"{\"a\" 1}").unwrap_err(), "not JSON (expected `:` at column 6)");
        let number = parse(b"7").unwrap_err();
        assert!(number.contains("expected an object"), "{number}");
        let list = parse(br#"["","","forkwatch/1","a","b"]"#).unwrap_err();
        assert_eq!(list, "not a forkwatch record (a list)");
        assert!(parse(b"{\"a\":1}").unwrap_err().starts_with("not a forkwatch record"));
        let other = br#"{"schema":"other/1","kind":"a","fingerprint":"b"}"#;
        assert!(parse(other).unwrap_err().contains("'other/1'"));
    }

    #[test]
    fn no_time_is_older_than_all() {
        assert_eq!((time("soon"), time("1969-01-01T00:00:00Z")), (0, 0));
        assert_eq!(
            rfc3339(time("2026-01-01T00:00:00.5Z")),
            "2026-01-01T00:00:00.500000000Z"
        );
    }
}
