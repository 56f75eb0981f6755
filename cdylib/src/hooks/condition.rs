//! Condition waits, which give their mutex back while they wait. Signal, broadcast, init and destroy are left alone: they
//! change nothing that we follow, and their versions differ between glibcs.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hot_hooks;
use crate::state::stack_cache::Caller;
use crate::watch::child::Wait;
use crate::watch::lock::condition_wait;

hot_hooks! {
    // Without the version, glibc before 2.36 hands out the oldest, which takes a smaller object.
    hook pthread_cond_wait(condition, mutex) version "GLIBC_2.3.2" = wait();
    hook pthread_cond_timedwait(condition, mutex, deadline) version "GLIBC_2.3.2" = wait_until();
    hook pthread_cond_clockwait(condition, mutex, clock, deadline) = wait_by_clock();
    hook cnd_wait(condition, mutex) = wait();
    hook cnd_timedwait(condition, mutex, deadline) = wait_until();
}

#[inline(always)]
fn wait(condition: usize, mutex: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    condition_wait(condition, mutex, Wait::Forever, caller, real)
}

#[inline(always)]
fn wait_until(condition: usize, mutex: usize, _deadline: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    condition_wait(condition, mutex, Wait::Bounded, caller, real)
}

#[inline(always)]
fn wait_by_clock(
    condition: usize,
    mutex: usize,
    _clock: usize,
    _deadline: usize,
    caller: Caller,
    real: impl FnOnce() -> c_int,
) -> c_int {
    condition_wait(condition, mutex, Wait::Bounded, caller, real)
}
