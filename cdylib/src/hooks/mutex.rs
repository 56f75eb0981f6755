//! Mutexes of POSIX and C11. Hot: nothing here may allocate, block or call libc, except for the real function.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hooks;
use crate::state::held::Object;
use crate::state::stack_cache::Caller;
use crate::watch::child::Wait;
use crate::watch::lock::{acquire, acquire_mutex, destroy, make, release};

hooks! {
    /// Makes a mutex.
    hook pthread_mutex_init(mutex, attributes) -> c_int = |caller, real| make(mutex, caller, real);
    /// Ends a mutex's life.
    hook pthread_mutex_destroy(mutex) -> c_int = |_, real| destroy(mutex, real);
    /// Takes a mutex, however long that takes.
    hook pthread_mutex_lock(mutex) -> c_int = |caller, real| lock(mutex, caller, real);
    /// libc's other name of `pthread_mutex_lock`.
    hook __pthread_mutex_lock(mutex) -> c_int, version "GLIBC_2.2.5", or no_error_number
        = |caller, real| lock(mutex, caller, real);
    /// Takes a mutex if it is free.
    hook pthread_mutex_trylock(mutex) -> c_int = |caller, real| take(Wait::Never, mutex, caller, real);
    /// libc's other name of `pthread_mutex_trylock`.
    hook __pthread_mutex_trylock(mutex) -> c_int, version "GLIBC_2.2.5", or no_error_number
        = |caller, real| take(Wait::Never, mutex, caller, real);
    /// Takes a mutex, or waits until a time.
    hook pthread_mutex_timedlock(mutex, deadline) -> c_int = |caller, real| take(Wait::Bounded, mutex, caller, real);
    /// Takes a mutex, or waits until a time of a clock (glibc 2.30).
    hook pthread_mutex_clocklock(mutex, clock, deadline) -> c_int, or no_error_number
        = |caller, real| take(Wait::Bounded, mutex, caller, real);
    /// Gives a mutex back.
    hook pthread_mutex_unlock(mutex) -> c_int = |caller, real| release(mutex, caller, real);
    /// libc's other name of `pthread_mutex_unlock`.
    hook __pthread_mutex_unlock(mutex) -> c_int, version "GLIBC_2.2.5", or no_error_number
        = |caller, real| release(mutex, caller, real);
    /// Makes a mutex of C11 (glibc 2.28).
    hook mtx_init(mutex, kind) -> c_int, or no_c11_threads = |caller, real| make(mutex, caller, real);
    /// Ends the life of a mutex of C11 (glibc 2.28).
    hook mtx_destroy(mutex) -> c_int, or no_c11_threads = |_, real| destroy(mutex, real);
    /// Takes a mutex of C11 (glibc 2.28).
    hook mtx_lock(mutex) -> c_int, or no_c11_threads = |caller, real| lock(mutex, caller, real);
    /// Takes a mutex of C11 if it is free (glibc 2.28).
    hook mtx_trylock(mutex) -> c_int, or no_c11_threads = |caller, real| take(Wait::Never, mutex, caller, real);
    /// Takes a mutex of C11, or waits until a time (glibc 2.28).
    hook mtx_timedlock(mutex, deadline) -> c_int, or no_c11_threads
        = |caller, real| take(Wait::Bounded, mutex, caller, real);
    /// Gives a mutex of C11 back (glibc 2.28).
    hook mtx_unlock(mutex) -> c_int, or no_c11_threads = |caller, real| release(mutex, caller, real);
}

#[inline(always)]
fn lock(mutex: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: the program passes this mutex to libc.
    unsafe { acquire_mutex(mutex, caller, real) }
}

#[inline(always)]
fn take(wait: Wait, mutex: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    acquire(Object::Mutex, wait, mutex, caller, real)
}
