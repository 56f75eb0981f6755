//! The one lock that our own shared state may sit behind, made so that a fork cannot orphan it.
//!
//! The forking thread takes it before the copy, the parent releases it afterwards, and the child *re-writes it to its first
//! value* ([`OwnLock::forget_in_child`]) instead of unlocking it: waiters do not exist there.
//!
//! | value | meaning |
//! |---|---|
//! | 0 | free |
//! | 1 | held |
//! | 2 | held, and somebody may sleep on it |

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use lock_api::{GuardSend, RawMutex};
use rustix::thread::futex;

const FREE: u32 = 0;
const HELD: u32 = 1;
const CONTENDED: u32 = 2;

/// A futex lock with no queue outside itself.
#[derive(Debug)]
pub struct OwnLock(AtomicU32);

impl OwnLock {
    /// Takes the lock, or gives up after about `patience`: a watched program must never hang on its watcher.
    pub fn lock_within(&self, patience: Duration) -> bool {
        // Each sleep is short because a signal can end one early; their number bounds the whole.
        const NAP: Duration = Duration::from_millis(10);
        if self.try_lock() {
            return true;
        }
        for _ in 0..=patience.as_millis() / NAP.as_millis() {
            if self.0.swap(CONTENDED, Ordering::Acquire) == FREE {
                return true;
            }
            self.sleep(Some(NAP));
        }
        false
    }

    /// Frees the lock without waking anybody: for the child, which has no other thread that could wait.
    #[inline(always)]
    pub fn forget_in_child(&self) {
        self.0.store(FREE, Ordering::Release);
    }

    fn sleep(&self, at_most: Option<Duration>) {
        let timeout = at_most.and_then(|nap| rustix::fs::Timespec::try_from(nap).ok());
        // Whatever ends the wait (a wake, a signal, the time-out), the caller looks at the word again.
        let _any_end_is_right = futex::wait(&self.0, futex::Flags::PRIVATE, CONTENDED, timeout.as_ref());
    }

    fn release(&self) {
        if self.0.swap(FREE, Ordering::Release) == CONTENDED {
            // Waking fails only for a bad address, and the word is ours.
            let _cannot_fail = futex::wake(&self.0, futex::Flags::PRIVATE, 1);
        }
    }
}

// SAFETY: `try_lock` succeeds for one caller between two releases, because only one swap from FREE can win.
#[expect(unsafe_code, reason = "lock_api asks for the promise of mutual exclusion")]
unsafe impl RawMutex for OwnLock {
    const INIT: Self = Self(AtomicU32::new(FREE));
    type GuardMarker = GuardSend;

    fn lock(&self) {
        if self.try_lock() {
            return;
        }
        // Who has slept takes the lock as contended: others may sleep still, and the release must wake one of them.
        while self.0.swap(CONTENDED, Ordering::Acquire) != FREE {
            self.sleep(None);
        }
    }

    fn try_lock(&self) -> bool {
        self.0
            .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    unsafe fn unlock(&self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::OwnLock;
    use lock_api::{Mutex, RawMutex};
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn it_excludes() {
        let total = Arc::new(Mutex::<OwnLock, u64>::new(0));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let total = Arc::clone(&total);
                std::thread::spawn(move || (0..10_000).for_each(|_| *total.lock() += 1))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(*total.lock(), 40_000);
    }

    #[test]
    fn patience_ends() {
        let lock = OwnLock::INIT;
        lock.lock();
        assert!(!lock.lock_within(Duration::from_millis(20)));
        lock.forget_in_child();
        assert!(lock.lock_within(Duration::from_millis(20)));
    }
}
