//! Every native stack of a record.

use forkwatch_schema::record::{Detail, Frame};

/// The stacks, to be changed.
pub fn of(detail: &mut Detail) -> Vec<&mut Vec<Frame>> {
    match detail {
        Detail::UnsafeFork(fork) => {
            let threads = fork.threads.iter_mut();
            let threads = threads.flat_map(|thread| [&mut thread.stack, &mut thread.created_stack]);
            [&mut fork.fork.stack]
                .into_iter()
                .chain(threads.flatten())
                .chain(fork.locks.iter_mut().map(|lock| &mut lock.acquired_stack))
                .collect()
        }
        Detail::OrphanedLock(orphan) => vec![&mut orphan.stack, &mut orphan.lock.acquired_stack],
        Detail::StuckChild(stuck) => vec![&mut stuck.stack],
        Detail::Call(call) => vec![&mut call.stack],
        Detail::LeakedLock(leak) => vec![&mut leak.lock.acquired_stack],
        Detail::SlowHandler(_) | Detail::ForkOutcome(_) | Detail::Summary(_) => Vec::new(),
    }
}
