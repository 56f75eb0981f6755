//! What Python calls before it prepares a fork of its own and after the fork, and how that is arranged.
//!
//! No gate keeps a thread from taking a lock that no hook sees, and threads that use one all the time hand it on to each other without ever
//! leaving it free. So the forking thread takes such a lock itself, with the gate open, and releases it in parent and child.

use core::time::Duration;

use forkwatch_process::cpython::object_of_lock;

use super::{are_held_back, close, wait};
use crate::snapshot::{alive, fork_snapshot, python};
use crate::state::held::Entry;
use crate::state::settling::{self, GATE};
use crate::state::thread::{Busy, Thread};
use crate::state::{taken_for_fork, threads};
use crate::system::python_calls::{self, InterpreterLock};
use crate::system::python_lock_calls::TakenLock;
use crate::system::python_methods;
use crate::system::{clock, errno};
use crate::verdict::bookkeeping;

/// A thread is being created: from then on, Python's forks can be unsafe. Does nothing unless the calling thread has the interpreter lock,
/// and forks are held back.
pub fn arrange() {
    if settling::limit().is_none() || !python::is_locked_by_this_thread() {
        return;
    }
    let is_found = {
        let _busy = Busy::from_here();
        bookkeeping::learn_interpreter();
        python_calls::search()
    };
    if is_found {
        python_calls::call_around_forks(before_fork, after_fork);
    }
}

/// Python is about to prepare a fork; this thread has the interpreter lock. No value here has a destructor, because the interpreter may end
/// the thread while it takes its lock.
extern "C-unwind" fn before_fork() {
    let errno = errno::get();
    // What an earlier call left: its fork failed before it reached libc.
    super::end_all();
    release_all();
    if let Some(lock) = python_calls::interpreter_lock() {
        settle(lock);
    }
    errno::set(errno);
}

fn settle(lock: InterpreterLock) {
    if !are_held_back() || alive::is_alone() {
        return;
    }
    let Some(thread) = Thread::current() else { return };
    let wait = |at_most| {
        let released = lock.release();
        GATE.wait(at_most, clock::since_start);
        lock.take(released);
    };
    let began = clock::since_start();
    let mut seen = Vec::new();
    loop {
        take_all(thread, began, &mut seen);
        let Some(settling) = close(thread, began, wait) else {
            break;
        };
        for (holder, entry) in &seen {
            settling.see(*holder, entry);
        }
        if wait::outside_python(thread, settling, lock) {
            if settling.closing.is_some() {
                return;
            }
            break;
        }
        super::end_all();
    }
    // Given up: the fork goes on as it would have.
    release_all();
}

/// Takes the locks of Python code that other threads hold and no hook sees, one after the other, and adds each to what was `seen`.
/// `began` is when the fork began to wait.
fn take_all(thread: &Thread, began: Duration, seen: &mut Vec<(i32, Entry)>) {
    const MAX_TAKEN: usize = 64;
    if python_methods::are_replaced() {
        // The gate keeps threads from taking them.
        return;
    }
    let handle = thread.handle();
    let limit = settling::limit().unwrap_or_default();
    for _ in 0..MAX_TAKEN {
        let held = {
            let _busy = Busy::from_here();
            python::held_in_blocks(handle)
        };
        let left = limit.saturating_sub(clock::since_start().saturating_sub(began));
        let Some(held) = held.first().filter(|_| !left.is_zero()) else {
            return;
        };
        let mut holder = threads::all().filter(|(_, _, thread)| thread.handle() == held.holder);
        seen.extend(holder.next().map(|(_, tid, _)| (tid, fork_snapshot::entry_of(held))));
        // Half of it, so that another one can still be taken if this one is not to be had.
        let Some(lock) = TakenLock::take(object_of_lock(held.address), left / 2) else {
            return;
        };
        taken_for_fork::add(lock);
    }
}

fn release_all() {
    while let Some(lock) = taken_for_fork::take_newest() {
        lock.release();
    }
}

/// Python has forked, or failed to: in parent and child, with the interpreter lock.
extern "C-unwind" fn after_fork() {
    let errno = errno::get();
    release_all();
    errno::set(errno);
}
