//! Files of `/proc`, as other kernels, sandboxes and file systems in user space may write them.

use crate::process::{FutexWait, Stat, Status, SystemCall, is_futex, mappings};

pub fn run(input: &[u8]) {
    for mapping in mappings(input) {
        assert!(
            mapping.addresses.start <= mapping.addresses.end,
            "{:x?}",
            mapping.addresses
        );
    }
    if let Some(stat) = Stat::parse(input) {
        assert!(stat.name.len() <= 3 * input.len(), "a name longer than the line");
    }
    let _any = Status::parse(input);
    if let Some(call) = SystemCall::parse(input) {
        let wait = FutexWait::of(&call);
        assert!(wait.is_none() || is_futex(&call), "a futex wait that is no futex call");
    }
}
