//! The guards of C++ local statics. The C++ runtime may be visible to the calling library alone.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hot_hooks;
use crate::state::stack_cache::Caller;
use crate::watch::lock::release;
use crate::watch::static_guard;

hot_hooks! {
    hook __cxa_guard_acquire(guard) = acquire();
    hook __cxa_guard_release(guard) = give_up();
    hook __cxa_guard_abort(guard) = give_up();
}

fn acquire(guard: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    static_guard::acquire(guard, caller, real)
}

fn give_up(guard: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    release(guard, caller, real)
}
