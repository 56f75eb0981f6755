//! Barriers: a forked child waits there for threads that it has lost. Init and destroy are not hooked: they change nothing that we
//! follow.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hooks;
use crate::state::takers;
use crate::watch::child;

hooks! {
    /// Waits for the other threads of a barrier.
    hook pthread_barrier_wait(barrier) -> c_int = |caller, real| {
        if child::is_watched() {
            child::barrier(barrier, caller);
        }
        takers::tell();
        real()
    };
}
