//! What Python calls before it prepares a fork of its own, and how that is arranged.

use super::{are_held_back, close, wait};
use crate::snapshot::{alive, python};
use crate::state::settling;
use crate::state::thread::{Busy, Thread};
use crate::system::errno;
use crate::system::python_calls::{self, InterpreterLock};
use crate::verdict::bookkeeping;

/// A thread is being created: from then on, Python's forks can be unsafe. Does nothing unless the calling thread has the interpreter lock,
/// and forks are held back.
pub fn arrange() {
    if settling::limit().is_none() || !python::is_run_by_this_thread() {
        return;
    }
    let is_found = {
        let _busy = Busy::from_here();
        bookkeeping::learn_interpreter();
        python_calls::search()
    };
    if is_found {
        python_calls::call_before_forks(before_fork);
    }
}

/// Python is about to prepare a fork; this thread has the interpreter lock. No value here has a destructor, because the interpreter may end
/// the thread while it takes its lock.
extern "C-unwind" fn before_fork() {
    let errno = errno::get();
    // What an earlier call left: its fork failed before it reached libc.
    super::end_all();
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
        settling::wait(at_most);
        lock.take(released);
    };
    if let Some(settling) = close(thread, wait) {
        wait::outside_python(thread, settling, lock);
    }
}
