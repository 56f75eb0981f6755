//! Whether a second thread was ever created in this process, as far as libc and our hooks know.
#![expect(unsafe_code, reason = "a variable of libc")]

use core::sync::atomic::{AtomicBool, AtomicI8, Ordering};

use super::next_definition::Scope;
use super::real::{nothing, real_function};

// `__libc_single_threaded` (glibc 2.32): nonzero while libc has made no thread, its own helpers included.
real_function!(static SINGLE_THREADED = c"__libc_single_threaded", Scope::Next, None, Some(nothing));
/// A thread was created without libc: by `clone` with `CLONE_THREAD`. Relaxed: written by its creator before the thread begins.
static MADE_AROUND_LIBC: AtomicBool = AtomicBool::new(false);

/// False if a second thread was ever created, or may have been.
pub fn none_was_made() -> bool {
    let Some(variable) = SINGLE_THREADED.if_there() else {
        return false;
    };
    if MADE_AROUND_LIBC.load(Ordering::Relaxed) {
        return false;
    }
    // Relaxed: libc writes it before the second thread begins.
    // SAFETY: libc documents the variable as a `char` that any thread may read at any time.
    unsafe { AtomicI8::from_ptr(variable.cast::<i8>()) }.load(Ordering::Relaxed) != 0
}

/// A thread is about to be created without libc.
pub fn note_one_around_libc() {
    MADE_AROUND_LIBC.store(true, Ordering::Relaxed);
}
