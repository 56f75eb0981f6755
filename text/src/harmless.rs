//! Makes the text of hostile records harmless.

use std::borrow::Cow;

use forkwatch_schema::harmless::is_harmful;

/// Escapes everything that moves the cursor, changes colours, breaks lines or changes the writing direction.
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
