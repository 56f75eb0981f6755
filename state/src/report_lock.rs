//! The proof that the report lock is held, and what it guards.
//!
//! A process has one report lock, in its one [`crate::fork::Forks`]. Its holder has a [`ReportLock`], without which a [`Guarded`]
//! value cannot be read or changed: the compiler rejects code that forgets to take the lock.

use core::marker::PhantomData;

use crate::sync::UnsafeCell;

/// The proof that this thread holds the report lock, or is the only thread of a forked child. It is not a guard: the code that
/// took the lock releases it. So no value with a destructor is alive across the copy of a fork.
#[derive(Debug)]
pub struct ReportLock {
    stays_in_this_thread: PhantomData<*mut ()>,
}

impl ReportLock {
    /// Makes the proof.
    ///
    /// # Safety
    /// This thread holds the report lock of this process, or is its only thread, as long as the value lives; and it uses no other
    /// such value meanwhile.
    #[expect(unsafe_code, reason = "the proof rests on the caller's promise")]
    #[inline(always)]
    pub const unsafe fn is_held() -> Self {
        Self {
            stays_in_this_thread: PhantomData,
        }
    }
}

/// A value that only the holder of the report lock may access.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Guarded<T>(UnsafeCell<T>);

// SAFETY: a thread accesses the value only with a `ReportLock`, and those of two threads never exist at once.
#[expect(unsafe_code, reason = "a cell behind a lock")]
unsafe impl<T: Send> Sync for Guarded<T> {}

#[expect(unsafe_code, reason = "a cell behind a lock")]
impl<T> Guarded<T> {
    /// Guards `value`.
    #[cfg(not(loom))]
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Guards `value`.
    #[cfg(loom)]
    pub fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// The value.
    #[inline(always)]
    pub fn get<'a>(&'a self, _proof: &'a ReportLock) -> &'a T {
        // SAFETY: the lock is held, and its proof is borrowed as long as the value, so nobody changes it meanwhile.
        self.0.with(|value| unsafe { &*value })
    }

    /// The value, to be changed.
    #[inline(always)]
    pub fn get_mut<'a>(&'a self, _proof: &'a mut ReportLock) -> &'a mut T {
        // SAFETY: the lock is held, and its one proof is borrowed as long as the value, so nobody else accesses it meanwhile.
        self.0.with_mut(|value| unsafe { &mut *value })
    }
}
