//! Text of hostile records made harmless.

use std::borrow::Cow;

/// Text in which everything is escaped that moves the cursor, changes colours, breaks lines or turns the direction of writing.
pub fn harmless(text: &str) -> Cow<'_, str> {
    // Most texts are plain, and a report has many.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut harmless = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmful(character) {
            harmless.extend(character.escape_default());
        } else {
            harmless.push(character);
        }
    }
    Cow::Owned(harmless)
}

/// Control characters, and the invisible ones of Unicode that break lines, turn direction or hide.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(character, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn hostile_text_is_shown_and_not_obeyed() {
        assert_eq!(
            harmless("a\u{1b}[31m\nb\u{202e}größe"),
            "a\\u{1b}[31m\\nb\\u{202e}größe"
        );
    }
}
