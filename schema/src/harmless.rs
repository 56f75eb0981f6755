//! Characters that do more than show themselves: the watched program chose the names in a record, and people read them in
//! a terminal, a browser or an editor.

use std::io;

/// Whether a character moves the cursor, breaks lines, turns the direction of writing, or shows nothing at all: control and
/// format characters, line separators, tags, and letters and variation selectors that are invisible.
pub fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{890}'..='\u{891}'
                | '\u{8e2}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{110bd}'
                | '\u{110cd}'
                | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Writes JSON in which each harmful character is escaped, whatever its source: outside strings, JSON has no such characters except
/// line breaks and tabs, which stay.
#[derive(Debug)]
pub struct Harmless<W>(pub W);

impl<W: io::Write> io::Write for Harmless<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // JSON writers pass complete texts, so invalid UTF-8 can only come from us.
        let Ok(text) = str::from_utf8(bytes) else {
            return self.0.write_all(bytes).map(|()| bytes.len());
        };
        let mut rest = text;
        let needs_escape = |&(_, character): &(usize, char)| character > '~' && is_harmful(character);
        while let Some((position, character)) = rest.char_indices().find(needs_escape) {
            let (before, after) = rest.split_at(position);
            self.0.write_all(before.as_bytes())?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(self.0, "\\u{unit:04x}")?;
            }
            rest = after.get(character.len_utf8()..).unwrap_or_default();
        }
        self.0.write_all(rest.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::Harmless;

    #[test]
    fn json_stays_the_same_json_without_what_turns_or_hides() {
        let value =
            serde_json::json!({"a\u{202e}": "\u{7f}\u{9b}\u{2066}\u{e0041}gr\u{f6}\u{df}e\n", "b": [1, "\u{1f512}"]});
        let mut written = Vec::new();
        serde_json::to_writer_pretty(Harmless(&mut written), &value).unwrap();
        let text = String::from_utf8(written).unwrap();
        assert!(text.contains("\\u202e") && text.contains("\\udb40\\udc41"), "{text}");
        assert!(
            text.contains("gr\u{f6}\u{df}e\\n") && text.contains('\u{1f512}') && text.contains("\n  "),
            "{text}"
        );
        assert!(
            !text.contains(['\u{202e}', '\u{7f}', '\u{9b}', '\u{2066}', '\u{e0041}']),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn bytes_that_are_no_text_pass() {
        let mut written = Vec::new();
        Harmless(&mut written).write_all(b"a\xff").unwrap();
        assert_eq!(written, b"a\xff");
    }
}
