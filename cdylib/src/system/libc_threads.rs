//! Whether a second thread was ever made in this process, as far as libc and our hooks know.
#![expect(unsafe_code, reason = "a variable of libc's")]

use core::sync::atomic::{AtomicBool, AtomicI8, Ordering};

use super::real::Real;

/// `__libc_single_threaded` (glibc 2.32): nonzero while libc has made no thread, its own helpers included.
static SINGLE_THREADED: Real = Real::new(c"__libc_single_threaded");
/// A thread was made around libc: `clone` with `CLONE_THREAD`.
static MADE_AROUND_LIBC: AtomicBool = AtomicBool::new(false);

/// False where a second thread was made at some time, or may have been.
pub fn none_was_made() -> bool {
    let variable = SINGLE_THREADED.address().cast::<i8>();
    if variable.is_null() || MADE_AROUND_LIBC.load(Ordering::Relaxed) {
        return false;
    }
    // SAFETY: libc documents the variable as a `char` that any thread may read at any time.
    unsafe { AtomicI8::from_ptr(variable) }.load(Ordering::Relaxed) != 0
}

/// A thread is about to be made around libc.
pub fn note_one_around_libc() {
    MADE_AROUND_LIBC.store(true, Ordering::Relaxed);
}
