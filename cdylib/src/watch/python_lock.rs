//! What happens at a lock of CPython that no call of libc shows. Any thread may release a plain one, so it is a lock or a signal as a
//! semaphore is; only its holder releases a recursive one.
#![expect(unsafe_code, reason = "calls the interpreter's own functions")]

use super::child::{self, Wait};
use super::lock::ask;
use super::{new_process, semaphore, this_thread};
use crate::config;
use crate::snapshot::alive;
use crate::state::depot::NO_STACK;
use crate::state::held::{Object, Ticket};
use crate::state::signalling;
use crate::state::stack_cache::Caller;
use crate::state::takers;
use crate::state::thread::{Busy, Thread};
use crate::system::errno::KeepErrno;
use crate::system::process;
use crate::system::python_methods::{self, Method, Patience, lock_of_object};

/// A call that the interpreter makes.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    method: &'static Method,
    words: [usize; 4],
}

impl Call {
    /// A call of this method with these words, the object first.
    ///
    /// # Safety
    /// The interpreter makes this very call.
    #[inline(always)]
    pub unsafe fn new(method: &'static Method, words: [usize; 4]) -> Self {
        Self { method, words }
    }

    #[inline(always)]
    fn make(self) -> usize {
        // SAFETY: the promise to `new`.
        unsafe { self.method.call(self.words) }
    }

    #[inline(always)]
    fn address(&self) -> usize {
        lock_of_object(self.words[0])
    }

    /// Whether the lock is not free.
    #[inline(always)]
    fn finds_it_locked(&self) -> bool {
        // SAFETY: the promise to `new`.
        unsafe { python_methods::is_locked(self.words[0]) }
    }

    /// Whether this thread has the recursive lock.
    #[inline(always)]
    fn is_of_holder(&self, thread: &Thread) -> bool {
        // SAFETY: the promise to `new`.
        unsafe { python_methods::is_held_by(self.words[0], thread.handle()) }
    }

    #[inline(always)]
    fn wait(&self) -> Wait {
        // SAFETY: the promise to `new`.
        match unsafe { self.method.patience(self.words) } {
            Patience::Forever => Wait::Forever,
            Patience::Bounded => Wait::Bounded,
            Patience::Never => Wait::Never,
        }
    }
}

/// From now on, these methods are seen: a thread is being created, or the process forks. Before that, no child can miss a thread.
pub fn replace(methods: &[&'static Method]) {
    // The options last: a process without memory to read them is not watched, and its threads have no record.
    if python_methods::may_be_replaced() && this_thread::record().is_some() && config::get().python {
        let _errno = KeepErrno::save();
        let _busy = Busy::from_here();
        python_methods::replace(methods, alive::is_alone);
    }
}

/// A call that takes the lock, or tries to.
#[inline(always)]
pub fn acquire(call: Call, caller: Caller) -> usize {
    let address = call.address();
    // A lock that is free is neither held by this thread nor waited for; a watched child is never on the hot path.
    if let Some(thread) = Thread::current()
        && !call.finds_it_locked()
        && let Some(stack) = thread.known_stack(caller)
        && thread.takers.knows(address, Object::PythonLock)
        && thread.made_semaphore(address) == NO_STACK
        && !signalling::contains(address)
        && let Some(ticket) = thread
            .held
            .ask(address, Object::PythonLock, caller.stack_pointer, stack)
    {
        if thread.is_hot() {
            return settle(thread, ticket, call.make());
        }
        thread.held.did_not_take(ticket);
    }
    acquire_slowly(call, caller)
}

#[inline(always)]
fn settle(thread: &Thread, ticket: Ticket<'_>, result: usize) -> usize {
    if python_methods::is_true(result) {
        thread.held.took(ticket);
    } else {
        thread.held.did_not_take(ticket);
    }
    result
}

#[cold]
#[inline(never)]
fn acquire_slowly(call: Call, caller: Caller) -> usize {
    // First: without a record, not even the arguments may be read, which can take system calls.
    let Some(thread) = this_thread::record() else {
        return call.make();
    };
    let (address, wait) = (call.address(), call.wait());
    if call.method.is_of_recursive() && call.is_of_holder(thread) {
        return take_again(call, caller);
    }
    if wait == Wait::Forever && call.finds_it_locked() {
        waits(call);
    }
    let real = move || call.make();
    semaphore::take(Object::PythonLock, address, wait, caller, real, python_methods::is_true)
}

/// The lock is not free. A child whose parent had one thread is not watched unless that thread was seen to hold a lock, and in such a parent
/// calls for Python's locks are seen from the first fork on.
#[cold]
#[inline(never)]
fn waits(call: Call) {
    if child::is_watched() {
        return;
    }
    let Some(thread) = this_thread::record() else {
        return;
    };
    if !thread.held.holds(call.address()) && !process::owns_state() && alive::is_alone() {
        new_process::watch_all_calls(thread);
    }
}

/// The thread has the lock already, so the call waits for nobody.
#[cold]
#[inline(never)]
fn take_again(call: Call, caller: Caller) -> usize {
    let Some((thread, ticket)) = ask(Object::PythonLock, call.address(), caller) else {
        return call.make();
    };
    settle(thread, ticket, call.make())
}

/// A call that releases the lock.
#[inline(always)]
pub fn release(call: Call, _: Caller) -> usize {
    let (address, real) = (call.address(), move || call.make());
    if !call.method.is_of_recursive() {
        return semaphore::give(Object::PythonLock, address, real);
    }
    if let Some(thread) = this_thread::record()
        && !thread.held.release(address)
        && thread.held.release_inherited(address).is_some()
    {
        child::is_own(address);
    }
    real()
}

/// A call that releases the lock as often as the thread has taken it.
pub fn release_all(call: Call, _: Caller) -> usize {
    if let Some(thread) = this_thread::record() {
        while thread.held.release(call.address()) {}
    }
    call.make()
}

/// A call that takes the lock as before, after a wait for a condition.
pub fn restore(call: Call, caller: Caller) -> usize {
    let (address, real) = (call.address(), move || call.make());
    semaphore::take(Object::PythonLock, address, Wait::Forever, caller, real, |result| {
        result != 0
    })
}

/// A call that asks whether the thread has the recursive lock: a condition does so before it wakes or waits, as it tries a plain lock.
pub fn is_owned(call: Call, _: Caller) -> usize {
    let result = call.make();
    if python_methods::is_true(result)
        && let Some(thread) = this_thread::record()
    {
        takers::tries_own(thread, call.address());
    }
    result
}

/// A call that makes a lock.
pub fn make(call: Call, caller: Caller) -> usize {
    let object = call.make();
    if object != 0
        && let Some(thread) = this_thread::record()
    {
        semaphore::makes_lock(thread, lock_of_object(object), caller);
    }
    object
}

/// A call that makes the lock anew, or ends its life.
pub fn remake(call: Call, _: Caller) -> usize {
    semaphore::ends(call.address());
    if this_thread::record().is_some() && call.finds_it_locked() {
        // Nobody holds it any more, whoever took it.
        semaphore::disown(call.address());
    }
    call.make()
}
