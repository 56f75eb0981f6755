//! Condition waits, which give their mutex back while they wait. Signal, broadcast, init and destroy are left alone: they
//! change nothing that we follow, and their versions differ between glibcs.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hooks;
use crate::watch::child::Wait;
use crate::watch::lock::condition_wait;

hooks! {
    /// Waits for a condition. Without the version, glibc before 2.36 hands out the oldest, which takes a smaller object.
    hook pthread_cond_wait(condition, mutex) -> c_int, version "GLIBC_2.3.2"
        = |caller, real| condition_wait(condition, mutex, Wait::Forever, caller, real);
    /// Waits for a condition until a time.
    hook pthread_cond_timedwait(condition, mutex, deadline) -> c_int, version "GLIBC_2.3.2"
        = |caller, real| condition_wait(condition, mutex, Wait::Bounded, caller, real);
    /// Waits for a condition until a time of a clock (glibc 2.30).
    hook pthread_cond_clockwait(condition, mutex, clock, deadline) -> c_int, or no_error_number
        = |caller, real| condition_wait(condition, mutex, Wait::Bounded, caller, real);
    /// Waits for a condition of C11 (glibc 2.28).
    hook cnd_wait(condition, mutex) -> c_int, or no_c11_threads
        = |caller, real| condition_wait(condition, mutex, Wait::Forever, caller, real);
    /// Waits for a condition of C11 until a time (glibc 2.28).
    hook cnd_timedwait(condition, mutex, deadline) -> c_int, or no_c11_threads
        = |caller, real| condition_wait(condition, mutex, Wait::Bounded, caller, real);
}
