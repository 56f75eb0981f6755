//! Semaphores, which are locks only when they behave like one (`watch::semaphore`).
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hooks;
use crate::watch::child::Wait;
use crate::watch::semaphore;

/// The defined part of a register that holds a C int.
const LOW_HALF: usize = 0xffff_ffff;

hooks! {
    /// Takes one from a semaphore, however long that takes.
    hook sem_wait(semaphore) -> c_int = |caller, real| semaphore::wait(semaphore, Wait::Forever, caller, real);
    /// Takes one from a semaphore if there is one.
    hook sem_trywait(semaphore) -> c_int = |caller, real| semaphore::wait(semaphore, Wait::Never, caller, real);
    /// Takes one from a semaphore, or waits until a time.
    hook sem_timedwait(semaphore, deadline) -> c_int
        = |caller, real| semaphore::wait(semaphore, Wait::Bounded, caller, real);
    /// Takes one from a semaphore, or waits until a time of a clock (glibc 2.30).
    hook sem_clockwait(semaphore, clock, deadline) -> c_int, or no_such_call
        = |caller, real| semaphore::wait(semaphore, Wait::Bounded, caller, real);
    /// Gives one to a semaphore.
    hook sem_post(semaphore) -> c_int = |_, real| semaphore::post(semaphore, real);
    /// Makes a semaphore.
    hook sem_init(semaphore, shared, value) -> c_int
        = |caller, real| semaphore::init(semaphore, shared & LOW_HALF != 0, value & LOW_HALF, caller, real);
    /// Ends a semaphore's life.
    hook sem_destroy(semaphore) -> c_int = |_, real| semaphore::destroy(semaphore, real);
}
