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

use core::marker::PhantomData;
use core::time::Duration;

use crate::sync::{AtomicU32, Ordering};
use crate::system::System;

const FREE: u32 = 0;
const HELD: u32 = 1;
const CONTENDED: u32 = 2;

/// A futex lock with no queue outside itself.
#[derive(Debug)]
pub struct OwnLock<S> {
    word: AtomicU32,
    system: PhantomData<fn() -> S>,
}

impl<S: System> OwnLock<S> {
    /// One that is free.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self {
            word: AtomicU32::new(FREE),
            system: PhantomData,
        }
    }

    /// One that is free.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self {
            word: AtomicU32::new(FREE),
            system: PhantomData,
        }
    }

    /// Takes the lock, however long that takes.
    pub fn take(&self) {
        if self.try_take() {
            return;
        }
        // Who has slept takes the lock as contended: others may sleep still, and the release must wake one of them.
        // Acquire: pairs with the store of `give_back`.
        while self.word.swap(CONTENDED, Ordering::Acquire) != FREE {
            S::sleep_while(&self.word, CONTENDED, None);
        }
    }

    /// Takes the lock, if it is free.
    pub fn try_take(&self) -> bool {
        // Acquire: pairs with the store of `give_back`, so that what the last holder wrote is seen. Relaxed where the lock is not had.
        self.word
            .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes the lock, or gives up after about `patience`: a watched program must never hang on its watcher.
    pub fn lock_within(&self, patience: Duration) -> bool {
        // Each sleep is short because a signal can end one early; their number bounds the whole.
        const NAP: Duration = Duration::from_millis(10);
        if self.try_take() {
            return true;
        }
        for _ in 0..=patience.as_millis() / NAP.as_millis() {
            // Acquire: pairs with the store of `give_back`.
            if self.word.swap(CONTENDED, Ordering::Acquire) == FREE {
                return true;
            }
            S::sleep_while(&self.word, CONTENDED, Some(NAP));
        }
        false
    }

    /// Gives the lock back. Its holder alone calls this.
    pub fn give_back(&self) {
        // Release: pairs with the exchanges that take the lock.
        if self.word.swap(FREE, Ordering::Release) == CONTENDED {
            S::wake_one(&self.word);
        }
    }

    /// Frees the lock without waking anybody: for the child, which has no other thread that could wait.
    #[inline(always)]
    pub fn forget_in_child(&self) {
        // Release: pairs with the exchanges that take the lock, in threads that this child will make.
        self.word.store(FREE, Ordering::Release);
    }
}

impl<S: System> Default for OwnLock<S> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: `try_take` succeeds for one caller between two releases, because only one exchange from FREE can win.
#[cfg(not(loom))]
#[expect(unsafe_code, reason = "lock_api asks for the promise of mutual exclusion")]
unsafe impl<S: System> lock_api::RawMutex for OwnLock<S> {
    const INIT: Self = Self::new();
    type GuardMarker = lock_api::GuardSend;

    fn lock(&self) {
        self.take();
    }

    fn try_lock(&self) -> bool {
        self.try_take()
    }

    unsafe fn unlock(&self) {
        self.give_back();
    }
}
