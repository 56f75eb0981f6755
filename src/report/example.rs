//! One record of a finding, as read and as far as this version knows it.

use std::borrow::Cow;
use std::collections::HashMap;

use forkwatch_schema::record::{Detail, Record};
use serde_json::value::RawValue;

/// The record.
#[derive(Clone, Debug)]
pub struct Example {
    /// The line, without unpaired surrogates, which no text can contain.
    pub line: String,
    /// Whether a parser of usual limits reads it: it is not nested too deeply, and has no number out of range.
    pub is_sound: bool,
    /// Its fields; `None` if it lacks some that this version needs.
    pub record: Option<Record>,
    /// Its scalars, which it always has.
    pub scalars: Scalars,
}

/// The message shown for a record that could not be fully understood.
#[derive(Clone, Debug, Default)]
pub struct Scalars {
    /// One readable line.
    pub message: String,
    /// The user's context.
    pub context: Option<String>,
}

impl Example {
    /// The example in a line that is known to hold a record.
    pub fn new(line: &[u8]) -> Self {
        let line = String::from_utf8_lossy(line);
        let line = without_lone_surrogates(&line).into_owned();
        Self {
            is_sound: serde_json::from_str::<serde_json::Value>(&line).is_ok(),
            record: serde_json::from_str(&line).ok(),
            scalars: Scalars::new(&line),
            line,
        }
    }

    /// The record in such a line, if this version knows all of its fields.
    pub fn record(line: &[u8]) -> Option<Record> {
        let line = String::from_utf8_lossy(line);
        serde_json::from_str(&without_lone_surrogates(&line)).ok()
    }

    /// The record's own fields.
    pub fn detail(&self) -> Option<&Detail> {
        self.record.as_ref().map(|record| &record.detail)
    }

    /// What happened, in one line.
    pub fn message(&self) -> &str {
        match self.scalars.message.as_str() {
            "" => "(record without a message)",
            message => message,
        }
    }
}

impl Scalars {
    /// Each is parsed separately: a field of an unexpected type must not hide the others.
    fn new(line: &str) -> Self {
        let fields: HashMap<String, &RawValue> = serde_json::from_str(line).unwrap_or_default();
        let text = |name: &str| serde_json::from_str(fields.get(name)?.get()).ok();
        Self {
            message: text("message").unwrap_or_default(),
            context: text("context"),
        }
    }
}

/// JSON in which the surrogates `\ud800` to `\udfff` only occur in pairs. Python and JavaScript write unpaired ones, which no
/// text can contain.
fn without_lone_surrogates(json: &str) -> Cow<'_, str> {
    const ESCAPE: usize = "\\u0000".len();
    let half = |at: usize| -> Option<u16> {
        let digits = json.get(at..at + ESCAPE)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (mut whole, mut done, mut at) = (String::new(), 0, 0);
    while let Some(found) = memchr::memchr(b'\\', &json.as_bytes()[at..]) {
        at += found;
        at += match (half(at), half(at + ESCAPE)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 2 * ESCAPE,
            (Some(0xd800..0xe000), _) => {
                whole.push_str(&json[done..at]);
                whole.push_str("\\ufffd");
                done = at + ESCAPE;
                ESCAPE
            }
            // A backslash and what it escapes, or the end of what is not JSON.
            _ => 2.min(json.len() - at),
        };
    }
    if done == 0 {
        return Cow::Borrowed(json);
    }
    whole.push_str(&json[done..]);
    Cow::Owned(whole)
}

#[cfg(test)]
mod tests {
    use super::{Example, without_lone_surrogates};

    #[test]
    fn halves_of_characters_are_replaced_and_pairs_kept() {
        for (json, expected) in [
            (r#""a\ud83d\udd12b""#, r#""a\ud83d\udd12b""#),
            (r#""a\ud83d \uDD12""#, r#""a\ufffd \ufffd""#),
            (r#""\ud83d\ud83d\udd12""#, r#""\ufffd\ud83d\udd12""#),
            (r#""\\ud83d \"\ud83d""#, r#""\\ud83d \"\ufffd""#),
            ("\\", "\\"),
            ("\\u\u{e9}\u{e9}", "\\u\u{e9}\u{e9}"),
        ] {
            assert_eq!(without_lone_surrogates(json), expected);
        }
    }

    #[test]
    fn what_can_be_read_is_read() {
        let odd = format!(
            r#"{{"message":"m\ud800","argv":7,"context":"c","pid":1e400,"deep":{}{}}}"#,
            "[".repeat(10_000),
            "]".repeat(10_000)
        );
        let example = Example::new(odd.as_bytes());
        let scalars = &example.scalars;
        assert_eq!(
            (&*scalars.message, scalars.context.as_deref()),
            ("m\u{fffd}", Some("c"))
        );
        assert!(example.record.is_none() && !example.is_sound);
        assert!(Example::new(br#"{"message":"m"}"#).is_sound);
    }
}
