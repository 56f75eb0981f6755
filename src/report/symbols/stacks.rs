//! Every native stack of a record.

use forkwatch_schema::record::{Detail, Frame, Lock};

/// The stacks, to be changed.
pub fn of(detail: &mut Detail) -> Vec<&mut Vec<Frame>> {
    match detail {
        Detail::UnsafeFork(fork) => {
            let threads = fork.threads.iter_mut();
            let threads = threads.flat_map(|thread| [&mut thread.stack, &mut thread.created_stack]);
            [&mut fork.fork.stack]
                .into_iter()
                .chain(threads.flatten())
                .chain(fork.locks.iter_mut().flat_map(of_lock))
                .collect()
        }
        Detail::OrphanedLock(orphan) => [&mut orphan.stack]
            .into_iter()
            .chain(of_lock(&mut orphan.lock))
            .collect(),
        Detail::PossibleDeadlock(possible) => [&mut possible.stack]
            .into_iter()
            .chain(of_lock(&mut possible.lock))
            .collect(),
        Detail::SharedDescriptor(shared) => {
            let threads = shared.threads.iter_mut();
            let theirs = threads.flat_map(|thread| [&mut thread.stack, &mut thread.created_stack]);
            [&mut shared.stack].into_iter().chain(theirs.flatten()).collect()
        }
        Detail::StuckChild(stuck) => vec![&mut stuck.stack],
        Detail::Call(call) => vec![&mut call.stack],
        Detail::LeakedLock(leak) => of_lock(&mut leak.lock).collect(),
        Detail::SlowHandler(_) | Detail::ForkOutcome(_) | Detail::Summary(_) => Vec::new(),
    }
}

/// Those of one lock.
pub fn of_lock(lock: &mut Lock) -> impl Iterator<Item = &mut Vec<Frame>> {
    [&mut lock.acquired_stack].into_iter().chain(&mut lock.created_stack)
}
