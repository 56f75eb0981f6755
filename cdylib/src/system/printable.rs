//! Bytes from the program (names, paths, arguments) as text that cannot harm a terminal or a parser.

/// The bytes as text; what is not UTF-8 becomes `\xNN`.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn good_text_stays_and_bad_bytes_are_escaped() {
        assert_eq!(printable("größe".as_bytes()), "größe");
        assert_eq!(printable(b"a\xff\xfeb"), "a\\xff\\xfeb");
        assert_eq!(printable(b""), "");
    }
}
