//! What happens at a lock: noted before the real call, settled after it. Hot.

use core::ffi::c_int;

use super::thread::current;
use crate::state::held::Object;
use crate::state::stack_cache::Caller;

/// A call that takes a lock, or tries to.
#[inline(always)]
pub fn acquire(object: Object, address: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    let Some(thread) = current() else { return real() };
    let stack = thread.stack_at(caller);
    let ticket = thread.held.ask(address, object, caller.stack_pointer, stack);
    let result = real();
    // EOWNERDEAD: a robust mutex whose last owner died is taken, too.
    if result == 0 || result == libc::EOWNERDEAD {
        thread.held.took(ticket);
    } else {
        thread.held.did_not_take(ticket);
    }
    result
}

/// A call that releases a lock. The entry goes first: once the real call has released the lock, another thread may have it.
#[inline(always)]
pub fn release(address: usize, real: impl FnOnce() -> c_int) -> c_int {
    if let Some(thread) = current() {
        thread.held.release(address);
    }
    real()
}

/// A condition wait: the mutex is given back until it returns.
#[inline(always)]
pub fn condition_wait(condition: usize, mutex: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    let Some(thread) = current() else { return real() };
    let stack = thread.stack_at(caller);
    let ticket = thread.held.ask(condition, Object::Condition, caller.stack_pointer, stack);
    thread.held.give_back(mutex, true);
    let result = real();
    thread.held.give_back(mutex, false);
    thread.held.did_not_take(ticket);
    result
}
