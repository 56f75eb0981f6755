//! What happens at a semaphore. One counts as a lock if it was initialised to 1, is private to the process, is posted only by
//! the thread that took it, and its holder never waits for it. Everything else is signalling.

use core::ffi::c_int;

use super::child::{self, Wait};
use super::lock::ask;
use super::this_thread;
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
    let Some(thread) = this_thread::record() else {
        return real();
    };
    if child::is_watched() {
        child::before_call(thread, Object::Semaphore, address, wait, caller);
    }
    if wait != Wait::Never && thread.held.holds(address) {
        // It waits for what it holds itself, so it expects another thread to post it.
        signals(thread, address);
    }
    let Some((thread, ticket)) = ask(Object::Semaphore, address, caller) else {
        return real();
    };
    let result = real();
    if result != 0 || signalling::contains(address) {
        thread.held.did_not_take(ticket);
        return result;
    }
    takers::note(thread, Object::Semaphore, address, || thread.stack_of(caller));
    let made = thread.made_semaphore(address);
    if made == NO_STACK {
        thread.held.took(ticket);
    } else {
        thread.held.took_just_made(ticket, made);
    }
    result
}

/// A call that posts the semaphore.
#[inline(always)]
pub fn post(address: usize, real: impl FnOnce() -> c_int) -> c_int {
    if let Some(thread) = this_thread::record()
        && !thread.held.release(address)
    {
        if thread.held.release_inherited(address).is_some() {
            child::is_own(address);
        } else {
            thread.takers.tell();
            if !signalling::contains(address) {
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
        forget(thread, address);
        if value == 1 && !shared {
            signalling::remove(address);
            thread.note_made_semaphore(address, thread.stack_at(caller));
        } else {
            signalling::insert(address);
        }
    }
    result
}

/// A call that ends the semaphore's life.
#[inline(always)]
pub fn destroy(address: usize, real: impl FnOnce() -> c_int) -> c_int {
    if let Some(thread) = this_thread::record() {
        forget(thread, address);
        signalling::remove(address);
    }
    real()
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
    signalling::insert(address);
    while thread.held.release(address) || thread.held.release_inherited(address).is_some() {}
}

/// This thread posted a semaphore that it did not take: the semaphore signals, so the thread that took it does not hold a lock.
#[cold]
#[inline(never)]
fn posted_by_another(address: usize) {
    signalling::insert(address);
    for (_, _, thread) in threads::all() {
        thread.held.disown(address);
    }
}
