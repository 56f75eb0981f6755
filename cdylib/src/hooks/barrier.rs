//! Barriers: a forked child waits there for threads that it has lost. Init and destroy are left alone: they change nothing
//! that we follow.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hot_hooks;
use crate::state::stack_cache::Caller;
use crate::watch::child;

hot_hooks! {
    hook pthread_barrier_wait(barrier) = wait();
}

#[inline(always)]
fn wait(barrier: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    if child::is_watched() {
        child::barrier(barrier, caller);
    }
    real()
}
