//! What rules mark as harmless in a record: single locks and threads.

use std::collections::HashSet;

use forkwatch_schema::record::{Detail, Lock, Record};
use forkwatch_schema::suppressions::Suppressions;

/// What is left of a record without what rules mark as harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOver {
    /// No thread or lock at all.
    Nothing,
    /// Threads, but none of its locks.
    NoLock,
    /// Enough for the same finding.
    Some,
}

/// Removes the locks and threads that a rule marks as harmless from a record.
pub fn take_out(rules: &Suppressions, record: &mut Record) -> LeftOver {
    let is_harmless =
        |lock: &Lock| rules.lock_is_harmless(lock.name.as_deref(), lock.id.as_deref(), &lock.acquired_stack);
    let is_nothing = match &mut record.detail {
        Detail::UnsafeFork(fork) => {
            let can_hang = |locks: &[Lock]| locks.iter().any(|lock| !lock.made_anew);
            let had_locks = can_hang(&fork.locks);
            let harmless: HashSet<i32> = fork
                .threads
                .iter()
                .filter(|thread| rules.thread_is_harmless(&thread.name, thread.start_routine.as_deref(), None))
                .map(|thread| thread.tid)
                .collect();
            let had_threads = !fork.threads.is_empty();
            fork.threads.retain(|thread| !harmless.contains(&thread.tid));
            fork.locks
                .retain(|lock| !is_harmless(lock) && lock.owner_tid.is_none_or(|owner| !harmless.contains(&owner)));
            if had_threads && fork.threads.is_empty() {
                true
            } else if had_locks && !can_hang(&fork.locks) {
                return LeftOver::NoLock;
            } else {
                false
            }
        }
        Detail::OrphanedLock(orphan) => is_harmless(&orphan.lock),
        Detail::PossibleDeadlock(possible) => is_harmless(&possible.lock),
        Detail::LeakedLock(leak) => is_harmless(&leak.lock),
        _ => false,
    };
    if is_nothing { LeftOver::Nothing } else { LeftOver::Some }
}
