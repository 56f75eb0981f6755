//! Read-write locks. Hot: nothing here may allocate, block or call libc, except for the real function.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hooks;
use crate::state::held::Object::{RwlockRead, RwlockWrite};
use crate::watch::child::Wait;
use crate::watch::lock::{acquire, destroy, make, release};

hooks! {
    /// Makes a read-write lock.
    hook pthread_rwlock_init(lock, attributes) -> c_int = |caller, real| make(lock, caller, real);
    /// Ends a read-write lock's life.
    hook pthread_rwlock_destroy(lock) -> c_int = |_, real| destroy(lock, real);
    /// Takes a read-write lock for reading.
    hook pthread_rwlock_rdlock(lock) -> c_int
        = |caller, real| acquire(RwlockRead, Wait::Forever, lock, caller, real);
    /// libc's other name of `pthread_rwlock_rdlock`.
    hook __pthread_rwlock_rdlock(lock) -> c_int, version "GLIBC_2.2.5", or no_error_number
        = |caller, real| acquire(RwlockRead, Wait::Forever, lock, caller, real);
    /// Takes a read-write lock for reading if it can be had.
    hook pthread_rwlock_tryrdlock(lock) -> c_int
        = |caller, real| acquire(RwlockRead, Wait::Never, lock, caller, real);
    /// libc's other name of `pthread_rwlock_tryrdlock`.
    hook __pthread_rwlock_tryrdlock(lock) -> c_int, version "GLIBC_2.2.5", or no_error_number
        = |caller, real| acquire(RwlockRead, Wait::Never, lock, caller, real);
    /// Takes a read-write lock for reading, or waits until a time.
    hook pthread_rwlock_timedrdlock(lock, deadline) -> c_int
        = |caller, real| acquire(RwlockRead, Wait::Bounded, lock, caller, real);
    /// Takes a read-write lock for reading, or waits until a time of a clock (glibc 2.30).
    hook pthread_rwlock_clockrdlock(lock, clock, deadline) -> c_int, or no_error_number
        = |caller, real| acquire(RwlockRead, Wait::Bounded, lock, caller, real);
    /// Takes a read-write lock for writing.
    hook pthread_rwlock_wrlock(lock) -> c_int
        = |caller, real| acquire(RwlockWrite, Wait::Forever, lock, caller, real);
    /// libc's other name of `pthread_rwlock_wrlock`.
    hook __pthread_rwlock_wrlock(lock) -> c_int, version "GLIBC_2.2.5", or no_error_number
        = |caller, real| acquire(RwlockWrite, Wait::Forever, lock, caller, real);
    /// Takes a read-write lock for writing if it can be had.
    hook pthread_rwlock_trywrlock(lock) -> c_int
        = |caller, real| acquire(RwlockWrite, Wait::Never, lock, caller, real);
    /// libc's other name of `pthread_rwlock_trywrlock`.
    hook __pthread_rwlock_trywrlock(lock) -> c_int, version "GLIBC_2.2.5", or no_error_number
        = |caller, real| acquire(RwlockWrite, Wait::Never, lock, caller, real);
    /// Takes a read-write lock for writing, or waits until a time.
    hook pthread_rwlock_timedwrlock(lock, deadline) -> c_int
        = |caller, real| acquire(RwlockWrite, Wait::Bounded, lock, caller, real);
    /// Takes a read-write lock for writing, or waits until a time of a clock (glibc 2.30).
    hook pthread_rwlock_clockwrlock(lock, clock, deadline) -> c_int, or no_error_number
        = |caller, real| acquire(RwlockWrite, Wait::Bounded, lock, caller, real);
    /// Gives a read-write lock back.
    hook pthread_rwlock_unlock(lock) -> c_int = |caller, real| release(lock, caller, real);
    /// libc's other name of `pthread_rwlock_unlock`.
    hook __pthread_rwlock_unlock(lock) -> c_int, version "GLIBC_2.2.5", or no_error_number
        = |caller, real| release(lock, caller, real);
}
