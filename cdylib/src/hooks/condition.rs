//! Condition waits, which release their mutex while they wait.
//!
//! glibc has two forms of a condition, for the versions `GLIBC_2.2.5` and `GLIBC_2.3.2` of these functions, and a library that is
//! linked without libc gets the old ones. A hook cannot see which version its caller asked for, so all functions of a condition
//! call the new one; the old form is no larger, and a new condition is all zeros in both.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hooks;
use crate::state::takers;
use crate::watch::child::Wait;
use crate::watch::lock::{condition_destroy, condition_wait};

hooks! {
    /// Makes a condition. Without the version, glibc before 2.36 hands out the oldest.
    hook pthread_cond_init(condition, attributes) -> c_int, version "GLIBC_2.3.2" = |_, real| real();
    /// Ends a condition.
    hook pthread_cond_destroy(condition) -> c_int, version "GLIBC_2.3.2"
        = |caller, real| condition_destroy(condition, caller, real);
    /// Ends a condition of C11 (glibc 2.28).
    hook cnd_destroy(condition) -> c_int, or no_c11_threads = |caller, real| condition_destroy(condition, caller, real);
    /// Wakes a thread that waits for a condition.
    hook pthread_cond_signal(condition) -> c_int, version "GLIBC_2.3.2" = |_, real| signal(condition, real);
    /// Wakes all threads that wait for a condition.
    hook pthread_cond_broadcast(condition) -> c_int, version "GLIBC_2.3.2" = |_, real| signal(condition, real);
    /// Waits for a condition.
    hook pthread_cond_wait(condition, mutex) -> c_int, version "GLIBC_2.3.2"
        = |caller, real| condition_wait(condition, mutex, Wait::Forever, caller, real);
    /// Waits for a condition until a time.
    hook pthread_cond_timedwait(condition, mutex, deadline) -> c_int, version "GLIBC_2.3.2"
        = |caller, real| condition_wait(condition, mutex, Wait::Bounded, caller, real);
    /// Waits for a condition until a time of a clock (glibc 2.30).
    hook pthread_cond_clockwait(condition, mutex, clock, deadline) -> c_int, or no_error_number
        = |caller, real| condition_wait(condition, mutex, Wait::Bounded, caller, real);
    /// Wakes a thread that waits for a condition of C11 (glibc 2.28).
    hook cnd_signal(condition) -> c_int, or no_c11_threads = |_, real| signal(condition, real);
    /// Wakes all threads that wait for a condition of C11 (glibc 2.28).
    hook cnd_broadcast(condition) -> c_int, or no_c11_threads = |_, real| signal(condition, real);
    /// Waits for a condition of C11 (glibc 2.28).
    hook cnd_wait(condition, mutex) -> c_int, or no_c11_threads
        = |caller, real| condition_wait(condition, mutex, Wait::Forever, caller, real);
    /// Waits for a condition of C11 until a time (glibc 2.28).
    hook cnd_timedwait(condition, mutex, deadline) -> c_int, or no_c11_threads
        = |caller, real| condition_wait(condition, mutex, Wait::Bounded, caller, real);
}

#[inline(always)]
fn signal(condition: usize, real: impl FnOnce() -> c_int) -> c_int {
    takers::signal(condition);
    real()
}
