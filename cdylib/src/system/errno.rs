//! `errno` belongs to the program: our own calls must not change it.
#![expect(unsafe_code, reason = "errno is a variable of libc")]

/// Restores `errno` when it goes out of scope. Never alive across one of the program's calls that can be cancelled.
#[derive(Debug)]
pub struct KeepErrno(i32);

impl KeepErrno {
    /// Saves the present value.
    #[must_use]
    #[inline(always)]
    pub fn save() -> Self {
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
    // SAFETY: `__errno_location` returns this thread's own variable and never fails.
    unsafe { *libc::__errno_location() }
}

/// Sets this thread's `errno`.
pub fn set(value: i32) {
    // SAFETY: as in `get`.
    unsafe { *libc::__errno_location() = value }
}
