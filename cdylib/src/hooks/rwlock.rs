//! Read-write locks. Hot: nothing here may allocate, block or call libc, but for the real function.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hot_hooks;
use crate::state::held::Object;
use crate::state::stack_cache::Caller;
use crate::watch::child::Wait;
use crate::watch::lock::{acquire, release};

hot_hooks! {
    hook pthread_rwlock_rdlock(lock) = take(Object::RwlockRead, Wait::Forever);
    hook __pthread_rwlock_rdlock(lock) version "GLIBC_2.2.5" = take(Object::RwlockRead, Wait::Forever);
    hook pthread_rwlock_tryrdlock(lock) = take(Object::RwlockRead, Wait::Never);
    hook __pthread_rwlock_tryrdlock(lock) version "GLIBC_2.2.5" = take(Object::RwlockRead, Wait::Never);
    hook pthread_rwlock_timedrdlock(lock, deadline) = take_until(Object::RwlockRead);
    hook pthread_rwlock_clockrdlock(lock, clock, deadline) = take_by_clock(Object::RwlockRead);
    hook pthread_rwlock_wrlock(lock) = take(Object::RwlockWrite, Wait::Forever);
    hook __pthread_rwlock_wrlock(lock) version "GLIBC_2.2.5" = take(Object::RwlockWrite, Wait::Forever);
    hook pthread_rwlock_trywrlock(lock) = take(Object::RwlockWrite, Wait::Never);
    hook __pthread_rwlock_trywrlock(lock) version "GLIBC_2.2.5" = take(Object::RwlockWrite, Wait::Never);
    hook pthread_rwlock_timedwrlock(lock, deadline) = take_until(Object::RwlockWrite);
    hook pthread_rwlock_clockwrlock(lock, clock, deadline) = take_by_clock(Object::RwlockWrite);
    hook pthread_rwlock_unlock(lock) = unlock();
    hook __pthread_rwlock_unlock(lock) version "GLIBC_2.2.5" = unlock();
}

#[inline(always)]
fn take(object: Object, wait: Wait, lock: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    acquire(object, wait, lock, caller, real)
}

#[inline(always)]
fn take_until(object: Object, lock: usize, _deadline: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    acquire(object, Wait::Bounded, lock, caller, real)
}

#[inline(always)]
fn take_by_clock(
    object: Object,
    lock: usize,
    _clock: usize,
    _deadline: usize,
    caller: Caller,
    real: impl FnOnce() -> c_int,
) -> c_int {
    acquire(object, Wait::Bounded, lock, caller, real)
}

#[inline(always)]
fn unlock(lock: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    release(lock, caller, real)
}
