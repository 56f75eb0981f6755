//! What to change, for a finding whose record does not say it itself.

use forkwatch_schema::kind::Kind;

use super::finding::Example;

/// The record's own advice, which knows the program; else what holds for its kind.
pub fn of(example: &Example, kind: Option<Kind>) -> Vec<String> {
    match example.unsafe_fork() {
        Some(fork) if !fork.advice.is_empty() => fork.advice.clone(),
        _ => kind.and_then(of_kind).map(str::to_owned).into_iter().collect(),
    }
}

const fn of_kind(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::UnsafeFork => {
            "Start other programs with posix_spawn(), or fork before the first thread starts; where neither is possible, go on to \
             exec or _exit at once in the child."
        }
        Kind::OrphanedLock => {
            "Fork before the first thread starts, or call exec or _exit in the child before anything asks for this lock. A library \
             that must work on both sides takes its locks in a pthread_atfork prepare handler and gives them back in the parent \
             and child handlers."
        }
        Kind::StuckChild => {
            "Do not wait in a forked child for what a thread of the parent does: make the queue, pool or condition anew in the \
             child, or start the child before there are threads."
        }
        Kind::ThreadAfterFork | Kind::UnsafeCall => {
            "Fork before the first thread starts, or go on to exec at once (posix_spawn does both in one call)."
        }
        Kind::GuardedCall => {
            "Use the library only in processes that were started by exec, or load and initialise it in the child after the fork \
             and never in the parent."
        }
        Kind::LeakedLock => {
            "Release the lock on every path out of the thread: with a guard (std::lock_guard, a `with` block), or by \
             pthread_cleanup_push where the thread may be cancelled."
        }
        Kind::SharedWakeup | Kind::SharedFd => {
            "Close the descriptor in the child and open one of its own; O_CLOEXEC does so for programs started by exec."
        }
        Kind::SlowHandler => {
            "Shorten what the library's pthread_atfork handler does: every fork of the process waits for it."
        }
        Kind::ForkOutcome | Kind::Summary => return None,
    })
}
