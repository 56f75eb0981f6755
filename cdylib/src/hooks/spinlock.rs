//! Spinlocks. Hot: nothing here may allocate, block or call libc, except for the real function.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hooks;
use crate::state::held::Object::Spinlock;
use crate::watch::child::Wait;
use crate::watch::lock::{acquire, destroy, make, release};

hooks! {
    /// Makes a spinlock.
    hook pthread_spin_init(lock, shared) -> c_int = |caller, real| make(lock, caller, real);
    /// Ends a spinlock's life.
    hook pthread_spin_destroy(lock) -> c_int = |_, real| destroy(lock, real);
    /// Takes a spinlock, however long that takes.
    hook pthread_spin_lock(lock) -> c_int = |caller, real| acquire(Spinlock, Wait::Forever, lock, caller, real);
    /// Takes a spinlock if it is free.
    hook pthread_spin_trylock(lock) -> c_int = |caller, real| acquire(Spinlock, Wait::Never, lock, caller, real);
    /// Gives a spinlock back.
    hook pthread_spin_unlock(lock) -> c_int = |caller, real| release(lock, caller, real);
}
