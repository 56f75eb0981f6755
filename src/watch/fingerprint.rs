//! The value that stays the same for the same bug, made as the library makes it for a call of a child's.

use forkwatch_schema::kind::Kind;
use forkwatch_schema::record::Frame;

use crate::stack::base_name;

/// FNV-1a with 64 bits.
struct Fnv(u64);

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// A word and a mark behind it that no UTF-8 text holds.
    fn word(&mut self, word: &str) {
        self.bytes(word.as_bytes());
        self.bytes(&[0xff]);
    }
}

/// The fingerprint of a child that waits in this function: from names, build ids and offsets, never from addresses.
pub fn of_call(kind: Kind, call: &str, stack: &[Frame]) -> String {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    hash.word(kind.name());
    hash.word(call);
    let mut last_ip = None;
    for frame in stack {
        // Functions inlined into one another share the address; how many are known depends on the symbols at hand.
        if last_ip == Some(&frame.ip) {
            continue;
        }
        last_ip = Some(&frame.ip);
        if let (Some(module), Some(offset)) = (&frame.module, &frame.offset) {
            hash.word(base_name(module));
            hash.word(frame.build_id.as_deref().unwrap_or_default());
            hash.word(offset);
        } else {
            let name = frame.module.as_deref().map(base_name);
            name.into_iter().for_each(|name| hash.word(name));
            hash.word(frame.symbol.as_deref().unwrap_or_default());
            hash.word("?");
        }
    }
    hash.bytes(&[0xfe]);
    format!("{:016x}", hash.0)
}

#[cfg(test)]
mod tests {
    use forkwatch_schema::kind::Kind;
    use forkwatch_schema::record::Frame;

    use super::of_call;

    #[test]
    fn addresses_make_no_difference() {
        let frame = |ip: &str, module: &str, offset: &str| Frame {
            ip: ip.into(),
            module: Some(module.into()),
            offset: Some(offset.into()),
            ..Frame::default()
        };
        let of = |frame: Frame| of_call(Kind::StuckChild, "futex", &[frame]);
        let here = of(frame("0x7f10", "/usr/lib/libfoo.so", "0x10"));
        assert_eq!(here, of(frame("0x7e10", "/opt/libfoo.so (deleted)", "0x10")));
        assert_ne!(here, of(frame("0x7f18", "/usr/lib/libfoo.so", "0x18")));
        assert_eq!(here.len(), 16);
    }
}
