//! A thread takes a lock while another thread holds its fork back: one that holds nothing waits.

use core::time::Duration;

use crate::snapshot::python;
use crate::state::forked_child;
use crate::state::held::{Entry, Object, Stage, Ticket};
use crate::state::settling::{self, GATE};
use crate::state::stack_cache::Caller;
use crate::state::thread::{Busy, Thread};
use crate::system::errno::KeepErrno;
use crate::system::{clock, errno, python as interpreter, python_calls};
use crate::verdict::bookkeeping;

/// What a thread does that has noted what it asks for, and may be off its hot path only because another thread forks. Returns the note
/// with which it goes on; `None` where no new one was possible. All else comes from the note: the caller has no register to spare.
#[cold]
#[inline(never)]
pub fn pass<'t>(thread: &'t Thread, ticket: Ticket<'t>) -> Option<Ticket<'t>> {
    let Some(asked) = ticket.entry() else {
        return Some(ticket);
    };
    // A condition is not taken, and an interpreter's own locks decide who runs.
    let never_waits = asked.object == Object::Condition
        || bookkeeping::is_of_interpreter(&asked)
        || asked.object == Object::Semaphore && waits_for_python_lock(thread);
    let may_wait = || !never_waits && !holds_any(thread) && may_wait_here(&asked);
    let mut left = settling::limit().unwrap_or_default();
    let wait = || has_time_after(wait_outside_python, &mut left);
    let ask = || {
        let Entry {
            address,
            object,
            stack_pointer,
            stack,
            ..
        } = asked;
        thread.held.ask_slowly(address, object, stack_pointer, stack)
    };
    GATE.pass(thread, ticket, !forked_child::is_watched(), may_wait, wait, ask)
}

/// What a thread does whose wait for a condition has taken its mutex again: it waits, too, before its own code goes on, so that the child may
/// free the mutex. It stays even if another thread asks for the mutex: the last look may have passed it over.
#[cold]
#[inline(never)]
pub fn pass_after_wait(thread: &Thread, mutex: usize) {
    if !GATE.is_closed() || GATE.is_closed_by(thread) || interpreter::is_own_lock(mutex) {
        return;
    }
    let mut waits = thread.held.entries();
    if waits.any(|entry| entry.address == mutex && bookkeeping::is_of_interpreter(&entry)) {
        return;
    }
    let mut others = thread.held.entries().filter(|entry| entry.stage == Stage::Held);
    if others.any(|entry| bookkeeping::counts(&entry)) {
        return;
    }
    let _errno = KeepErrno::save();
    let _busy = Busy::from_here();
    let mut left = settling::limit().unwrap_or_default();
    GATE.stay(thread, || has_time_after(settling::wait, &mut left));
}

/// Whether this thread is in a call that waits for a lock of Python's, by a semaphore: it may have been given the lock meanwhile.
fn waits_for_python_lock(thread: &Thread) -> bool {
    let mut asked = thread.held.entries().filter(|entry| entry.stage == Stage::Asked);
    asked.any(|entry| entry.object == Object::PythonLock)
}

/// Whether this thread holds a lock that others may need.
pub(super) fn holds_any(thread: &Thread) -> bool {
    let mut held = thread.held.entries().filter(|entry| entry.stage == Stage::Held);
    held.any(|entry| entry.object != Object::Condition && bookkeeping::counts(&entry))
}

/// A thread that has the interpreter lock waits only in the interpreter's own calls, which give it up where they wait: other code may
/// rely on keeping it.
fn may_wait_here(asked: &Entry) -> bool {
    if !python::is_run_by_this_thread() {
        return true;
    }
    let _busy = Busy::from_here();
    python_calls::interpreter_lock().is_some()
        && python::is_its_code(Caller::of_hook(asked.stack_pointer, &"").return_address)
}

/// Waits, and returns whether this thread may wait again: in all, it waits as long as one fork may take.
fn has_time_after(wait: impl FnOnce(Duration), left: &mut Duration) -> bool {
    let began = clock::since_start();
    wait(*left);
    *left = left.saturating_sub(clock::since_start().saturating_sub(began));
    !left.is_zero()
}

/// Waits at the gate, without the interpreter lock.
fn wait_outside_python(at_most: Duration) {
    // Kept without a destructor: an interpreter that is being finalised may end this thread.
    let errno = errno::get();
    let lock = python_calls::interpreter_lock().filter(|_| python::is_run_by_this_thread());
    let released = lock.map(python_calls::InterpreterLock::release);
    {
        let _busy = Busy::from_here();
        settling::wait(at_most);
    }
    if let (Some(lock), Some(released)) = (lock, released) {
        lock.take(released);
    }
    errno::set(errno);
}
