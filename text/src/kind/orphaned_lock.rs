//! The text of `orphaned_lock`: a child needs a lock whose holder does not exist in the child.

use forkwatch_schema::kind::Severity;
use forkwatch_schema::record::{LockKind, OrphanedLock, Record};

use super::{BY_SIGNAL, CAN_HANG, FAILS, HANGS, Kind, Why, child};
use crate::advice::child as advice;
use crate::page::Page;
use crate::{lock, locks};

impl Kind for OrphanedLock {
    /// `forked child (pid 4243) waits for ever in pthread_mutex_lock for a mutex that thread "keeper" held at the fork`.
    fn headline(&self, record: &Record) -> String {
        let child = format!("forked child (pid {})", record.pid);
        let (call, lock) = (&self.call, lock::in_words(&self.lock));
        if advice::refuses_release(self) {
            return format!("{child} can never release {lock} that its own thread took before the fork: {call} fails");
        }
        let (lock, did) = match self.lock.kind {
            LockKind::StaticGuard => ("a C++ local static".into(), "was initialising"),
            _ => (lock, "held"),
        };
        let holder = lock::owner_in_words(&self.lock);
        let does = match certainty(record, self) {
            Certainty::Hangs => "waits for ever in",
            Certainty::MayHang | Certainty::HangsUntilSignal => "may wait for ever in",
            Certainty::Aborts => "is aborted by libc in",
            Certainty::Fails => "can never succeed in",
        };
        format!("{child} {does} {call} for {lock} that {holder} {did} at the fork")
    }

    fn facts(&self, page: &mut Page<'_>, record: &Record, _stopped: bool) {
        child::write_call(page, record, &self.call, self.python_stack.as_deref(), &self.stack);
        page.gap();
        locks::write_orphaned(page, &self.lock, record);
    }

    fn why(&self, record: &Record) -> Option<Why> {
        if advice::refuses_release(self) {
            let words = "The lock records its owner by thread id, and in the child the owner has a different one. The \
                         child can therefore neither release the lock nor take it again, and the next call that waits \
                         for it never returns.";
            return Some(Why::new(FAILS, words));
        }
        if self.lock.kind == LockKind::StaticGuard {
            let words = "At the fork, another thread was initialising this static. The child has a copy of the \
                         half-initialised static, but not of that thread. Nobody in the child will ever finish the \
                         initialisation, so this call, which waits for it, never returns.";
            return Some(Why::new(HANGS, words));
        }
        let lost = match self.lock.kind {
            LockKind::Libc => {
                "At the fork, another thread was inside a function of libc that takes this lock. The child has a copy of the \
                 lock, but not of that thread."
            }
            LockKind::RwlockWrite if advice::taker_may_have_forked(record, self) => {
                "The lock records its writer by thread id, and in the child the forking thread has a different one. A call to \
                 pthread_rwlock_unlock in the child has no effect."
            }
            _ if advice::taker_may_have_forked(record, self) => {
                "The child has a copy of the lock as it was at the fork, taken by a thread of the parent. No thread \
                 of the child has that thread's id."
            }
            _ => "The child has a copy of the lock, but not of the thread that held it.",
        };
        Some(match certainty(record, self) {
            Certainty::Hangs => Why::new(
                HANGS,
                format!("{lost} Nobody in the child will ever release it, so this call never returns."),
            ),
            Certainty::MayHang => Why::new(
                CAN_HANG,
                format!(
                    "{lost} Such a function holds the lock only part of the time, and libc does not show when. If it \
                     held the lock at the fork, nobody in the child will ever release it, and this call never \
                     returns."
                ),
            ),
            Certainty::HangsUntilSignal => Why::new(
                CAN_HANG,
                format!("{lost} Nobody else in the child will ever release it.{BY_SIGNAL}"),
            ),
            Certainty::Aborts => Why::new(
                FAILS,
                format!(
                    "{lost} The mutex inherits priority, so the kernel looks for its owner, finds a thread of another \
                     process and refuses; libc then ends the child with SIGABRT."
                ),
            ),
            Certainty::Fails => Why::new(
                FAILS,
                format!(
                    "{lost} Nobody in the child will ever release it. This call returns without the lock, and so will \
                     every later attempt."
                ),
            ),
        })
    }

    fn advice(&self, record: &Record) -> Vec<String> {
        advice::for_orphan(record, self)
    }
}

/// What happens to the call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Certainty {
    /// It never returns.
    Hangs,
    /// It never returns if the thread held the lock at the fork, which cannot be seen.
    MayHang,
    /// It never returns, unless a signal handler interferes.
    HangsUntilSignal,
    /// It never returns: libc ends the process.
    Aborts,
    /// It returns without the lock: a try, or a wait with a time-out.
    Fails,
}

fn certainty(record: &Record, detail: &OrphanedLock) -> Certainty {
    match (detail.blocking, record.severity) {
        (true, Severity::Fatal) => Certainty::Hangs,
        (true, _) if detail.lock.kind == LockKind::Libc => Certainty::MayHang,
        (true, _) => Certainty::HangsUntilSignal,
        (false, Severity::Fatal) => Certainty::Aborts,
        (false, _) => Certainty::Fails,
    }
}
