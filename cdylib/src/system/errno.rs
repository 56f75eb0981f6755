//! `errno` belongs to the program: what we call in between must not show in it.
#![expect(unsafe_code, reason = "errno is a place in libc")]

/// Puts `errno` back when it goes out of scope. Never alive across a call of the program's that can be cancelled.
#[derive(Debug)]
pub struct KeepErrno(i32);

impl KeepErrno {
    /// Remembers the value of now.
    #[must_use]
    #[inline(always)]
    pub fn as_it_is() -> Self {
        Self(get())
    }
}

impl Drop for KeepErrno {
    fn drop(&mut self) {
        set(self.0);
    }
}

/// This thread's `errno`.
pub fn get() -> i32 {
    // SAFETY: `__errno_location` gives this thread's own place and never fails.
    unsafe { *libc::__errno_location() }
}

/// Sets this thread's `errno`.
pub fn set(value: i32) {
    // SAFETY: as in `get`.
    unsafe { *libc::__errno_location() = value }
}
