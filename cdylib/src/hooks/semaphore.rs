//! Semaphores, which are locks only when they behave like one (`watch::semaphore`).
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hot_hooks;
use crate::state::stack_cache::Caller;
use crate::watch::child::Wait;
use crate::watch::semaphore;

hot_hooks! {
    hook sem_wait(semaphore) = wait();
    hook sem_trywait(semaphore) = try_wait();
    hook sem_timedwait(semaphore, deadline) = wait_until();
    hook sem_clockwait(semaphore, clock, deadline) = wait_by_clock();
    hook sem_post(semaphore) = post();
    hook sem_init(semaphore, shared, value) = init();
    hook sem_destroy(semaphore) = destroy();
}

#[inline(always)]
fn wait(address: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    semaphore::wait(address, Wait::Forever, caller, real)
}

#[inline(always)]
fn try_wait(address: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    semaphore::wait(address, Wait::Never, caller, real)
}

#[inline(always)]
fn wait_until(address: usize, _deadline: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    semaphore::wait(address, Wait::Bounded, caller, real)
}

#[inline(always)]
fn wait_by_clock(
    address: usize,
    _clock: usize,
    _deadline: usize,
    caller: Caller,
    real: impl FnOnce() -> c_int,
) -> c_int {
    semaphore::wait(address, Wait::Bounded, caller, real)
}

#[inline(always)]
fn post(address: usize, _caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    semaphore::post(address, real)
}

#[inline(always)]
fn init(address: usize, shared: usize, value: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    // Both are C ints: only the low half of the register is theirs.
    const LOW_HALF: usize = 0xffff_ffff;
    semaphore::init(address, shared & LOW_HALF != 0, value & LOW_HALF, caller, real)
}

#[inline(always)]
fn destroy(address: usize, _caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    semaphore::destroy(address, real)
}
