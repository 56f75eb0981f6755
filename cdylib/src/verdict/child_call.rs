//! What becomes of a forked child's call that asks for a lock which is not free.

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

/// What becomes of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It may get the lock, or comes back without.
    MayReturn,
    /// The lock is an orphan, and the call is worth this report.
    AsksForOrphan(Reported),
    /// The lock is an orphan, and the call only tries it: a finding unless a wait follows.
    TriesOrphan,
    /// The semaphore may stand for a lock of CPython's that passes no hook.
    MayAskForPythonLock,
    /// Nobody is left to release it.
    IsStuck,
}

/// Weighs a call on a lock that is not free: of an orphan, or of one that a thread of this process may release.
pub fn weigh(object: Object, wait: Wait, is_orphan: bool, is_alone: impl Fn() -> bool) -> CallOutcome {
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
    use super::{CallOutcome, Wait, weigh};
    use crate::state::held::Object;
    use crate::state::orphans::Reported;

    #[test]
    fn an_orphan_never_comes_back_to_whoever_waits_for_it() {
        let weigh = |wait| weigh(Object::Mutex, wait, true, || panic!("no matter"));
        assert_eq!(weigh(Wait::Forever), CallOutcome::AsksForOrphan(Reported::Block));
        assert_eq!(weigh(Wait::Bounded), CallOutcome::AsksForOrphan(Reported::Try));
        assert_eq!(weigh(Wait::Never), CallOutcome::TriesOrphan);
    }

    #[test]
    fn another_thread_may_release_what_is_no_orphan() {
        let weigh = |object, wait, alone| weigh(object, wait, false, || alone);
        assert_eq!(weigh(Object::Mutex, Wait::Forever, false), CallOutcome::MayReturn);
        assert_eq!(weigh(Object::Mutex, Wait::Forever, true), CallOutcome::IsStuck);
        assert_eq!(weigh(Object::Mutex, Wait::Bounded, true), CallOutcome::MayReturn);
        assert_eq!(
            weigh(Object::Semaphore, Wait::Bounded, true),
            CallOutcome::MayAskForPythonLock
        );
        assert_eq!(weigh(Object::Semaphore, Wait::Never, true), CallOutcome::MayReturn);
    }
}
