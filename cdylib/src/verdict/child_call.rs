//! The outcome of a forked child's call that asks for a lock which is not free.

use crate::state::held::Object;
use crate::state::orphans::Reported;

/// How long a call waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until it has the lock.
    Forever,
    /// Until a time-out.
    Bounded,
    /// Not at all.
    Never,
}

/// The outcome of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It may get the lock, or returns without it.
    MayReturn,
    /// The lock is an orphan, and the call deserves this report.
    AsksForOrphan(Reported),
    /// The lock is an orphan, and the call only tries it: a finding unless a wait follows.
    TriesOrphan,
    /// The semaphore may belong to a wait for a CPython lock that no hook sees.
    MayAskForPythonLock,
    /// No thread is left to release it.
    IsStuck,
}

/// Judges a call on a lock that is not free: an orphan, or a lock that a thread of this process may release.
pub fn judge(object: Object, wait: Wait, is_orphan: bool, is_alone: impl Fn() -> bool) -> CallOutcome {
    match wait {
        Wait::Forever if is_orphan => CallOutcome::AsksForOrphan(Reported::Block),
        Wait::Bounded if is_orphan => CallOutcome::AsksForOrphan(Reported::Try),
        Wait::Never if is_orphan => CallOutcome::TriesOrphan,
        Wait::Forever if is_alone() => CallOutcome::IsStuck,
        Wait::Bounded if object == Object::Semaphore && is_alone() => CallOutcome::MayAskForPythonLock,
        Wait::Forever | Wait::Bounded | Wait::Never => CallOutcome::MayReturn,
    }
}

#[cfg(test)]
mod tests {
    use super::{CallOutcome, Wait, judge};
    use crate::state::held::Object;
    use crate::state::orphans::Reported;

    #[test]
    fn a_wait_for_an_orphan_never_returns() {
        let judge = |wait| judge(Object::Mutex, wait, true, || panic!("no matter"));
        assert_eq!(judge(Wait::Forever), CallOutcome::AsksForOrphan(Reported::Block));
        assert_eq!(judge(Wait::Bounded), CallOutcome::AsksForOrphan(Reported::Try));
        assert_eq!(judge(Wait::Never), CallOutcome::TriesOrphan);
    }

    #[test]
    fn another_thread_may_release_what_is_no_orphan() {
        let judge = |object, wait, alone| judge(object, wait, false, || alone);
        assert_eq!(judge(Object::Mutex, Wait::Forever, false), CallOutcome::MayReturn);
        assert_eq!(judge(Object::Mutex, Wait::Forever, true), CallOutcome::IsStuck);
        assert_eq!(judge(Object::Mutex, Wait::Bounded, true), CallOutcome::MayReturn);
        assert_eq!(
            judge(Object::Semaphore, Wait::Bounded, true),
            CallOutcome::MayAskForPythonLock
        );
        assert_eq!(judge(Object::Semaphore, Wait::Never, true), CallOutcome::MayReturn);
    }
}
