//! Files of `/proc`, as other kernels, sandboxes and file systems in user space may write them.

use forkwatch_process::maps;

use crate::proc::{FutexWait, Stat, Status, SystemCall, is_futex};

pub fn run(input: &[u8]) -> usize {
    let mappings: Vec<_> = maps::parse(input).collect();
    for mapping in &mappings {
        assert!(
            mapping.addresses.start <= mapping.addresses.end,
            "{:x?}",
            mapping.addresses
        );
    }
    let stat = Stat::parse(input);
    if let Some(stat) = &stat {
        assert!(stat.name.len() <= 3 * input.len(), "a name longer than the line");
    }
    let status = Status::parse(input);
    let call = SystemCall::parse(input);
    if let Some(call) = &call {
        let wait = FutexWait::of(call);
        assert!(wait.is_none() || is_futex(call), "a futex wait that is no futex call");
    }
    mappings.len() + usize::from(stat.is_some() || call.is_some() || status.user.is_some())
}
