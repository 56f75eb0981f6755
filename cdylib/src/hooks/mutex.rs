//! Mutexes of POSIX and C11. Hot: nothing here may allocate, block or call libc, but for the real function.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hot_hooks;
use crate::state::held::Object;
use crate::state::stack_cache::Caller;
use crate::watch::child::Wait;
use crate::watch::lock::{acquire, acquire_mutex, release};

hot_hooks! {
    hook pthread_mutex_lock(mutex) = lock();
    hook __pthread_mutex_lock(mutex) version "GLIBC_2.2.5" = lock();
    hook pthread_mutex_trylock(mutex) = try_lock();
    hook __pthread_mutex_trylock(mutex) version "GLIBC_2.2.5" = try_lock();
    hook pthread_mutex_timedlock(mutex, deadline) = lock_until();
    hook pthread_mutex_clocklock(mutex, clock, deadline) = lock_by_clock();
    hook pthread_mutex_unlock(mutex) = unlock();
    hook __pthread_mutex_unlock(mutex) version "GLIBC_2.2.5" = unlock();
    hook mtx_lock(mutex) = lock();
    hook mtx_trylock(mutex) = try_lock();
    hook mtx_timedlock(mutex, deadline) = lock_until();
    hook mtx_unlock(mutex) = unlock();
}

#[inline(always)]
fn lock(mutex: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: the program hands this mutex to libc.
    unsafe { acquire_mutex(mutex, caller, real) }
}

#[inline(always)]
fn try_lock(mutex: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    acquire(Object::Mutex, Wait::Never, mutex, caller, real)
}

#[inline(always)]
fn lock_until(mutex: usize, _deadline: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    acquire(Object::Mutex, Wait::Bounded, mutex, caller, real)
}

#[inline(always)]
fn lock_by_clock(mutex: usize, _clock: usize, _deadline: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    acquire(Object::Mutex, Wait::Bounded, mutex, caller, real)
}

#[inline(always)]
fn unlock(mutex: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    release(mutex, caller, real)
}
