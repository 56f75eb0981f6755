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
pub enum Outcome {
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
pub fn weigh(object: Object, wait: Wait, is_orphan: bool, is_alone: impl Fn() -> bool) -> Outcome {
    match wait {
        Wait::Forever if is_orphan => Outcome::AsksForOrphan(Reported::Block),
        Wait::Bounded if is_orphan => Outcome::AsksForOrphan(Reported::Try),
        Wait::Never if is_orphan => Outcome::TriesOrphan,
        Wait::Forever if is_alone() => Outcome::IsStuck,
        Wait::Bounded if object == Object::Semaphore && is_alone() => Outcome::MayAskForPythonLock,
        Wait::Forever | Wait::Bounded | Wait::Never => Outcome::MayReturn,
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Wait, weigh};
    use crate::state::held::Object;
    use crate::state::orphans::Reported;

    #[test]
    fn an_orphan_never_comes_back_to_whoever_waits_for_it() {
        let weigh = |wait| weigh(Object::Mutex, wait, true, || panic!("no matter"));
        assert_eq!(weigh(Wait::Forever), Outcome::AsksForOrphan(Reported::Block));
        assert_eq!(weigh(Wait::Bounded), Outcome::AsksForOrphan(Reported::Try));
        assert_eq!(weigh(Wait::Never), Outcome::TriesOrphan);
    }

    #[test]
    fn another_thread_may_release_what_is_no_orphan() {
        let weigh = |object, wait, alone| weigh(object, wait, false, || alone);
        assert_eq!(weigh(Object::Mutex, Wait::Forever, false), Outcome::MayReturn);
        assert_eq!(weigh(Object::Mutex, Wait::Forever, true), Outcome::IsStuck);
        assert_eq!(weigh(Object::Mutex, Wait::Bounded, true), Outcome::MayReturn);
        assert_eq!(
            weigh(Object::Semaphore, Wait::Bounded, true),
            Outcome::MayAskForPythonLock
        );
        assert_eq!(weigh(Object::Semaphore, Wait::Never, true), Outcome::MayReturn);
    }
}
