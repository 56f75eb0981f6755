//! What happens at a semaphore. One counts as a lock if it was initialised to 1, is private to the process, is posted only by
//! the thread that took it, and its holder never waits for it. Everything else is signalling.

use core::ffi::c_int;

use super::child::{self, Wait};
use super::lock::ask_with_record;
use super::this_thread;
use crate::snapshot::python_place;
use crate::state::depot::NO_STACK;
use crate::state::held::Object;
use crate::state::signalling;
use crate::state::stack_cache::Caller;
use crate::state::takers;
use crate::state::thread::Thread;
use crate::state::threads;

/// A call that takes the semaphore.
#[inline(always)]
pub fn wait(address: usize, wait: Wait, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    take(Object::Semaphore, address, wait, caller, real, |result| result == 0)
}

/// A call that takes the semaphore, or a lock that is used alike; `has_taken` judges its result.
#[inline(always)]
pub fn take<T: Copy>(
    object: Object,
    address: usize,
    wait: Wait,
    caller: Caller,
    real: impl FnOnce() -> T,
    has_taken: impl FnOnce(T) -> bool,
) -> T {
    let Some(thread) = this_thread::record() else {
        return real();
    };
    if child::is_watched() {
        child::before_call(thread, object, address, wait, caller);
    }
    if wait != Wait::Never && thread.held.holds(address) {
        // It waits for what it holds itself, so it expects another thread to post it.
        signals(thread, address);
    }
    let Some(ticket) = ask_with_record(thread, object, address, caller) else {
        return real();
    };
    let result = real();
    if !has_taken(result) || signalling::contains(address) {
        thread.held.did_not_take(ticket);
        if wait == Wait::Never && thread.held.holds(address) {
            takers::tries_own(thread, address);
        }
        return result;
    }
    takers::note(
        thread,
        object,
        address,
        || thread.stack_of(caller),
        python_place::current,
    );
    let made = thread.made_semaphore(address);
    if made == NO_STACK {
        thread.held.took(ticket);
    } else {
        thread.held.took_just_made(ticket, made);
        if object == Object::PythonLock {
            // A condition's wait takes the lock that it makes once before it waits for it; any other may be the last made for long.
            thread.note_made_semaphore(0, NO_STACK);
        }
    }
    result
}

/// A call that posts the semaphore.
#[inline(always)]
pub fn post(address: usize, real: impl FnOnce() -> c_int) -> c_int {
    give(Object::Semaphore, address, real)
}

/// A call that posts the semaphore, or releases a lock that is used alike.
#[inline(always)]
pub fn give<T>(object: Object, address: usize, real: impl FnOnce() -> T) -> T {
    if let Some(thread) = this_thread::record()
        && !thread.held.release(address)
    {
        if thread.held.release_inherited(address).is_some() {
            child::is_own(address);
        } else {
            thread.takers.tell();
            // A lock of Python's may have been taken before such calls were seen, or not be taken at all.
            let is_anothers = || object == Object::Semaphore || is_held_by_any(address);
            if !signalling::contains(address) && is_anothers() {
                posted_by_another(address);
            }
        }
    }
    real()
}

/// A call that makes the semaphore.
#[inline(always)]
pub fn init(address: usize, shared: bool, value: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    let result = real();
    let Some(thread) = this_thread::record() else {
        return result;
    };
    if result == 0 {
        if value == 1 && !shared {
            makes_lock(thread, address, caller);
        } else {
            forget(thread, address);
            signalling::insert(address);
        }
    }
    result
}

/// This thread has just made a semaphore that may be a lock, or a lock that is used alike.
pub fn makes_lock(thread: &'static Thread, address: usize, caller: Caller) {
    forget(thread, address);
    signalling::remove(address);
    thread.takers.makes(address);
    thread.note_made_semaphore(address, thread.stack_at(caller));
}

/// A call that ends the semaphore's life.
#[inline(always)]
pub fn destroy(address: usize, real: impl FnOnce() -> c_int) -> c_int {
    ends(address);
    real()
}

/// What is known about this address is about another semaphore or lock.
#[inline(always)]
pub fn ends(address: usize) {
    if let Some(thread) = this_thread::record() {
        forget(thread, address);
        signalling::remove(address);
        if thread.made_semaphore(address) != NO_STACK {
            thread.note_made_semaphore(0, NO_STACK);
        }
    }
}

/// The semaphore was initialised again or destroyed.
fn forget(thread: &'static Thread, address: usize) {
    takers::remade(address);
    if !thread.held.release(address) {
        // Whether it was held at the fork makes no difference.
        let _inherited = thread.held.release_inherited(address);
    }
    if child::is_watched() {
        child::forget(thread, address);
    }
}

/// This semaphore, held by this thread, turns out to signal.
#[cold]
#[inline(never)]
fn signals(thread: &Thread, address: usize) {
    thread.takers.waits_for_own(address, python_place::is_at_barrier);
    signalling::insert(address);
    while thread.held.release(address) || thread.held.release_inherited(address).is_some() {}
}

/// This thread posted a semaphore that it did not take: the semaphore signals, so the thread that took it does not hold a lock.
#[cold]
#[inline(never)]
fn posted_by_another(address: usize) {
    signalling::insert(address);
    disown(address);
}

/// No thread holds this any more.
#[cold]
#[inline(never)]
pub fn disown(address: usize) {
    for (_, _, thread) in threads::all() {
        thread.held.disown(address);
    }
}

#[cold]
#[inline(never)]
fn is_held_by_any(address: usize) -> bool {
    threads::all().any(|(_, _, thread)| thread.held.holds(address))
}
