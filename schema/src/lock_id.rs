//! The id of a lock: the same lock has the same id across runs, hosts and address-space layouts.
//!
//! It is made from a name, or from the place of the lock in its module, or else from the place of the call that made or took it;
//! never from an address. So two locks that one line takes, such as one in each of many objects, share an id.

use crate::hash::Hash;
use crate::path::base_name;
use crate::record::{Frame, LockKind};
use crate::users_frame;

/// The id of a lock that libc or Python code has a name for.
pub fn of_name(name: &str) -> String {
    let mut hash = Hash::new();
    hash.word("name");
    hash.word(name);
    hash.text()
}

/// The id of a lock in a module's own memory, such as a global variable. `offset` is its distance from the load base.
pub fn of_global(module: &str, build_id: Option<&str>, offset: usize) -> String {
    let mut hash = Hash::new();
    hash.word("global");
    hash.word(base_name(module));
    hash.word(build_id.unwrap_or_default());
    hash.bytes(&offset.to_le_bytes());
    hash.text()
}

/// The id of any other lock: where it was made, if that is known, or else where it was taken.
pub fn of_place(kind: LockKind, stack: &[Frame]) -> String {
    let mut hash = Hash::new();
    hash.word(match kind {
        // One lock, taken in two ways.
        LockKind::RwlockRead | LockKind::RwlockWrite => "rwlock",
        kind => kind.name(),
    });
    if let Some(frame) = users_frame::of_native(stack) {
        hash.frame(frame);
    }
    hash.text()
}

#[cfg(test)]
mod tests {
    use super::{of_global, of_name, of_place};
    use crate::record::{Frame, LockKind};

    fn frame(ip: &str, module: &str, symbol: &str) -> Frame {
        Frame {
            ip: ip.into(),
            module: Some(module.into()),
            offset: Some(format!("{ip}0")),
            build_id: Some("abcd".into()),
            symbol: Some(symbol.into()),
            ..Frame::default()
        }
    }

    #[test]
    fn a_name_counts() {
        assert_ne!(of_name("Vault.door of bank.vault"), of_name("Vault.door of bank.safe"));
        assert_ne!(of_name("libc:tz"), of_name("libc:environ"));
    }

    #[test]
    fn a_global_is_known_by_its_module_and_offset() {
        let known = of_global("/bin/shop", Some("abcd"), 0x4040);
        assert_eq!(known, of_global("/opt/shop (deleted)", Some("abcd"), 0x4040));
        assert_eq!(known.len(), 16);
        for other in [
            of_global("/bin/shop", Some("abcd"), 0x4068),
            of_global("/bin/shop", Some("beef"), 0x4040),
            of_global("/bin/shop", None, 0x4040),
            of_global("/bin/stall", Some("abcd"), 0x4040),
        ] {
            assert_ne!(known, other);
        }
    }

    #[test]
    fn any_other_lock_is_known_by_the_users_frame_and_a_rwlock_is_one_however_it_is_taken() {
        let cpp = frame("0x1", "/bin/shop", "std::mutex::lock()");
        let (fill, empty) = (frame("0x2", "/bin/shop", "fill"), frame("0x3", "/bin/shop", "empty"));
        let known = of_place(LockKind::RwlockRead, &[cpp.clone(), fill.clone(), empty.clone()]);
        assert_eq!(known, of_place(LockKind::RwlockWrite, std::slice::from_ref(&fill)));
        assert_ne!(known, of_place(LockKind::RwlockWrite, &[cpp, empty]));
        assert_ne!(known, of_place(LockKind::Mutex, &[fill]));
        assert_ne!(known, of_place(LockKind::RwlockRead, &[]));
    }
}
