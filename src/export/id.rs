//! The id of a text: of a record, so that receivers can tell one that comes again, and of a line, so that a log is found again.

use std::fmt;

use sha2::{Digest, Sha256};

/// 128 bits of the hash of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub [u8; 16]);

impl Id {
    /// The id of a text.
    pub fn of(text: &[u8]) -> Self {
        let hash = Sha256::digest(text);
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        Self(id)
    }

    /// Reads back what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32)?;
        Some(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::Id;

    #[test]
    fn an_id_is_read_back() {
        let id = Id::of(b"text");
        assert_eq!(Id::parse(&id.to_string()), Some(id));
        assert_eq!((Id::parse("12"), Id::parse(&"g".repeat(32))), (None, None));
        assert_ne!(id, Id::of(b"texts"));
    }
}
