//! The only kind of lock that may guard our own shared state: a fork cannot orphan it.
//!
//! The forking thread takes it before the copy, the parent releases it afterwards, and the child *re-writes it to its first
//! value* ([`OwnLock::forget_in_child`]) instead of unlocking it: waiters do not exist there.
//!
//! | value | meaning |
//! |---|---|
//! | 0 | free |
//! | 1 | held |
//! | 2 | held, and a thread may sleep on it |

use core::marker::PhantomData;
use core::time::Duration;

use crate::sync::{AtomicU32, Ordering};
use crate::system::System;

const FREE: u32 = 0;
const HELD: u32 = 1;
const CONTENDED: u32 = 2;

/// A futex lock whose only state is one word.
#[derive(Debug)]
pub struct OwnLock<S> {
    word: AtomicU32,
    system: PhantomData<fn() -> S>,
}

impl<S: System> OwnLock<S> {
    /// A free lock.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self {
            word: AtomicU32::new(FREE),
            system: PhantomData,
        }
    }

    /// A free lock.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self {
            word: AtomicU32::new(FREE),
            system: PhantomData,
        }
    }

    /// Takes the lock, however long it must wait.
    pub fn acquire(&self) {
        if self.try_acquire() {
            return;
        }
        // A thread that has slept takes the lock as contended: others may still sleep, and the release must wake one of them.
        // Acquire: pairs with the store of `release`.
        while self.word.swap(CONTENDED, Ordering::Acquire) != FREE {
            S::sleep_while(&self.word, CONTENDED, None);
        }
    }

    /// Takes the lock, if it is free.
    pub fn try_acquire(&self) -> bool {
        // Acquire: pairs with the store of `release`, so that what the last holder wrote is seen. Relaxed on failure.
        self.word
            .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes the lock, or gives up after about `timeout`: a watched program must never hang on its watcher.
    pub fn acquire_within(&self, timeout: Duration) -> bool {
        // Each sleep is short because a signal can end one early; their number bounds the whole.
        const NAP: Duration = Duration::from_millis(10);
        if self.try_acquire() {
            return true;
        }
        for _ in 0..=timeout.as_millis() / NAP.as_millis() {
            // Acquire: pairs with the store of `release`.
            if self.word.swap(CONTENDED, Ordering::Acquire) == FREE {
                return true;
            }
            S::sleep_while(&self.word, CONTENDED, Some(NAP));
        }
        false
    }

    /// Releases the lock. Only its holder calls this.
    pub fn release(&self) {
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

// SAFETY: `try_acquire` succeeds for one caller between two releases, because only one exchange from FREE can win.
#[cfg(not(loom))]
#[expect(unsafe_code, reason = "lock_api asks for the promise of mutual exclusion")]
unsafe impl<S: System> lock_api::RawMutex for OwnLock<S> {
    const INIT: Self = Self::new();
    type GuardMarker = lock_api::GuardSend;

    fn lock(&self) {
        self.acquire();
    }

    fn try_lock(&self) -> bool {
        self.try_acquire()
    }

    unsafe fn unlock(&self) {
        self.release();
    }
}
