//! What happens at a lock: noted before the real call, completed after it. Hot.
#![expect(unsafe_code, reason = "the program's own mutex is read in place")]

use core::ffi::c_int;

use super::child::{self, Wait};
use super::{gate, handler_call, this_thread};
use crate::snapshot::{lock_state, python_place};
use crate::state::forked_child;
use crate::state::held::{Object, Ticket};
use crate::state::makers;
use crate::state::sandbox;
use crate::state::stack_cache::{self, Caller};
use crate::state::takers;
use crate::state::thread::Thread;
use crate::system::python;

/// A call that takes a lock, or tries to.
#[inline(always)]
pub fn acquire(object: Object, wait: Wait, address: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    // The fast path calls nothing but the real function, so that the compiler keeps everything in registers. A watched child
    // never takes it.
    if let Some(thread) = Thread::current()
        && let Some(stack) = thread.known_stack(caller)
        && thread.takers.knows(address, object)
        && let Some(ticket) = thread.held.ask(address, object, caller.stack_pointer, stack)
    {
        if thread.is_hot() {
            return settle(thread, ticket, real());
        }
        thread.held.did_not_take(ticket);
    }
    acquire_slowly(object, wait, address, caller.stack_pointer, caller.function, real)
}

#[cold]
#[inline(never)]
fn acquire_slowly(
    object: Object,
    wait: Wait,
    address: usize,
    stack_pointer: usize,
    function: &'static &'static str,
    real: impl FnOnce() -> c_int,
) -> c_int {
    if sandbox::is_shut() {
        return real();
    }
    let caller = Caller::of_hook(stack_pointer, function);
    if forked_child::is_watched()
        && let Some(thread) = this_thread::record()
    {
        child::before_call(thread, object, address, wait, caller);
    }
    let known = if object == Object::Mutex && wait == Wait::Forever {
        Thread::current().and_then(|thread| handler_call::mutex(thread, address, caller))
    } else {
        None
    };
    let real = move || match known {
        Some(result) => result,
        None => real(),
    };
    match ask(object, address, caller) {
        Some((thread, ticket)) => settle(thread, ticket, real()),
        None => real(),
    }
}

/// A call that takes a mutex, however long it waits. An ordinary mutex never refuses, so nothing is left to do after the real
/// call: the fast path ends in a jump to it and needs no stack frame. Every way out of the fast path is a jump, too.
///
/// # Safety
/// `address` is that of a mutex, which the caller is about to pass to libc.
#[inline(always)]
pub unsafe fn acquire_mutex(address: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    let thread = Thread::current();
    // A program that is not to be watched pays for these two questions alone.
    if thread.is_none() && sandbox::is_shut() {
        return real();
    }
    if let Some(thread) = thread
        // SAFETY: the caller's promise.
        && unsafe { lock_state::is_ordinary_mutex(address) }
        && let Some(stack) = thread.known_only_stack(caller)
        && thread.takers.knows(address, Object::Mutex)
        && thread.held.ask_infallible(address, Object::Mutex, caller.stack_pointer, stack)
    {
        if thread.is_hot() {
            return real();
        }
        return withdraw_and_acquire_slowly(address, caller.stack_pointer, caller.function, real);
    }
    // SAFETY: the caller's promise.
    unsafe { acquire_mutex_from_several(address, caller.stack_pointer, caller.function, real) }
}

/// As [`acquire_mutex`], in a helper that is reached through several call chains.
///
/// # Safety
/// As for [`acquire_mutex`].
#[inline(never)]
unsafe fn acquire_mutex_from_several(
    address: usize,
    stack_pointer: usize,
    function: &'static &'static str,
    real: impl FnOnce() -> c_int,
) -> c_int {
    let caller = Caller::of_hook(stack_pointer, function);
    if let Some(thread) = Thread::current()
        // SAFETY: the caller's promise.
        && unsafe { lock_state::is_ordinary_mutex(address) }
        && let Some(stack) = thread.known_stack_among(caller)
        && thread.takers.knows(address, Object::Mutex)
        && thread.held.ask_infallible(address, Object::Mutex, caller.stack_pointer, stack)
    {
        if thread.is_hot() {
            return real();
        }
        return withdraw_and_acquire_slowly(address, stack_pointer, function, real);
    }
    acquire_slowly(Object::Mutex, Wait::Forever, address, stack_pointer, function, real)
}

/// The entry was made before the thread saw that each of its calls must be examined.
#[cold]
#[inline(never)]
fn withdraw_and_acquire_slowly(
    address: usize,
    stack_pointer: usize,
    function: &'static &'static str,
    real: impl FnOnce() -> c_int,
) -> c_int {
    if let Some(thread) = Thread::current() {
        thread.held.release(address);
    }
    acquire_slowly(Object::Mutex, Wait::Forever, address, stack_pointer, function, real)
}

/// Notes that this thread asks for an object; `None` where the call must pass straight through.
pub fn ask(object: Object, address: usize, caller: Caller) -> Option<(&'static Thread, Ticket<'static>)> {
    let thread = this_thread::record()?;
    Some((thread, ask_with_record(thread, object, address, caller)?))
}

/// The same for the calling thread's record.
pub fn ask_with_record(
    thread: &'static Thread,
    object: Object,
    address: usize,
    caller: Caller,
) -> Option<Ticket<'static>> {
    let stack = if object == Object::Mutex && python::is_own_lock(address) {
        // Taken at each call that may block, from thousands of stacks; no finding is about such a lock.
        stack_cache::of_caller_alone(caller)
    } else {
        thread.stack_of(caller)
    };
    if !object.may_signal() {
        // Only one that was taken is known to be a lock.
        takers::note(thread, object, address, || stack, python_place::current);
    }
    let ticket = match thread.held.ask(address, object, caller.stack_pointer, stack) {
        None => thread.held.ask_slowly(address, object, caller.stack_pointer, stack),
        ticket => ticket,
    };
    if ticket.is_none() {
        thread.held.drop_one(caller.stack_pointer);
    }
    if thread.is_hot() {
        ticket
    } else {
        gate::pass(thread, ticket?)
    }
}

#[inline(always)]
fn settle(thread: &Thread, ticket: Ticket, result: c_int) -> c_int {
    // With EOWNERDEAD the caller has a robust mutex whose last owner died.
    if result == 0 || result == libc::EOWNERDEAD {
        thread.held.took(ticket);
    } else {
        thread.held.did_not_take(ticket);
    }
    result
}

/// A call that releases a lock. The entry goes first: once the real call has released the lock, another thread may have it.
#[inline(always)]
pub fn release(address: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    if let Some(thread) = Thread::current()
        && thread.held.release_newest(address)
    {
        return real();
    }
    release_slowly(address, caller.stack_pointer, caller.function, real)
}

#[cold]
#[inline(never)]
fn release_slowly(
    address: usize,
    stack_pointer: usize,
    function: &'static &'static str,
    real: impl FnOnce() -> c_int,
) -> c_int {
    let caller = Caller::of_hook(stack_pointer, function);
    let Some(thread) = this_thread::record() else {
        return real();
    };
    if thread.held.release(address) {
        return real();
    }
    let inherited = thread.held.release_inherited(address);
    if inherited.is_some() {
        child::is_own(address);
    }
    let result = real();
    if let Some(entry) = inherited {
        child::after_release(thread, entry, result, caller);
    }
    result
}

/// A call that makes a lock.
pub fn make(address: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    if let Some(thread) = begin_anew(address)
        && !forked_child::is_watched()
    {
        makers::note(address, thread.stack_of(caller));
    }
    real()
}

/// A call that ends a lock's life.
pub fn destroy(address: usize, real: impl FnOnce() -> c_int) -> c_int {
    begin_anew(address);
    real()
}

/// What was known of this address is about another lock. Returns this thread's record, and does nothing where a sandbox may forbid our system
/// calls.
fn begin_anew(address: usize) -> Option<&'static Thread> {
    let thread = this_thread::record()?;
    takers::remade(address);
    makers::forget(address);
    if forked_child::is_watched() {
        child::forget(thread, address);
    }
    Some(thread)
}

/// A call that ends a condition: it waits until all that wait for the condition have left.
#[inline(always)]
pub fn condition_destroy(condition: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    if child::is_watched()
        && let Some(thread) = this_thread::record()
    {
        child::destroys_condition(thread, condition, caller);
    }
    real()
}

/// A condition wait: it releases the mutex until it returns.
#[inline(always)]
pub fn condition_wait(
    condition: usize,
    mutex: usize,
    wait: Wait,
    caller: Caller,
    real: impl FnOnce() -> c_int,
) -> c_int {
    if child::is_watched()
        && let Some(thread) = this_thread::record()
    {
        child::condition(thread, condition, mutex, wait, caller);
    }
    let Some((thread, ticket)) = ask(Object::Condition, condition, caller) else {
        return real();
    };
    thread.held.set_released_by_wait(mutex, true);
    let result = real();
    if !thread.is_hot() {
        gate::pass_after_wait(thread, mutex);
    }
    thread.held.set_released_by_wait(mutex, false);
    thread.held.did_not_take(ticket);
    result
}
