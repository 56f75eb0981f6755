//! The hash behind fingerprints and the ids of locks: FNV-1a with 64 bits, whose values are the same everywhere.

use crate::path::base_name;
use crate::record::Frame;

/// A hash under construction.
pub(crate) struct Hash(u64);

impl Hash {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// A word and a mark behind it that no UTF-8 text holds, so that `ab c` and `a bc` differ.
    pub(crate) fn word(&mut self, word: &str) {
        self.bytes(word.as_bytes());
        self.bytes(&[0xff]);
    }

    /// A native frame: its module's name, build id and offset, or its symbol where it has no offset.
    pub(crate) fn frame(&mut self, frame: &Frame) {
        match (&frame.module, &frame.offset) {
            (Some(module), Some(offset)) => {
                self.word(base_name(module));
                self.word(frame.build_id.as_deref().unwrap_or_default());
                self.word(offset);
            }
            (Some(module), None) => {
                self.word(base_name(module));
                self.word(frame.symbol.as_deref().unwrap_or_default());
                self.word("?");
            }
            (None, _) => {
                self.word(frame.symbol.as_deref().unwrap_or_default());
                self.word("?");
            }
        }
    }

    /// 16 hex digits.
    pub(crate) fn text(&self) -> String {
        format!("{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Hash;

    #[test]
    fn the_hash_is_fnv_1a() {
        let mut hash = Hash::new();
        assert_eq!(hash.text(), "cbf29ce484222325");
        hash.bytes(b"foobar");
        assert_eq!(hash.text(), "85944171f73967e8");
    }
}
