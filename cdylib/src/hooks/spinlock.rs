//! Spinlocks. Hot: nothing here may allocate, block or call libc, but for the real function.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hot_hooks;
use crate::state::held::Object;
use crate::state::stack_cache::Caller;
use crate::watch::child::Wait;
use crate::watch::lock::{acquire, release};

hot_hooks! {
    hook pthread_spin_lock(lock) = take(Wait::Forever);
    hook pthread_spin_trylock(lock) = take(Wait::Never);
    hook pthread_spin_unlock(lock) = unlock();
}

#[inline(always)]
fn take(wait: Wait, lock: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    acquire(Object::Spinlock, wait, lock, caller, real)
}

#[inline(always)]
fn unlock(lock: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    release(lock, caller, real)
}
