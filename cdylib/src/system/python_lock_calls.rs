//! Takes and releases the locks of Python code, as that code does: called only where forks are held back, by a thread that has the
//! interpreter lock.
#![expect(unsafe_code, reason = "functions of CPython")]

use core::ffi::{c_char, c_double, c_int};
use core::time::Duration;

use once_cell::race::OnceBox;

use super::python_calls::{Object, clear_error, function};
use super::signal_mask;

/// A lock that this thread has taken: the address of its object, to which it has a reference.
#[derive(Debug)]
#[must_use]
pub struct TakenLock(usize);

/// The interpreter's functions; all are as old as `PyObject_CallMethod` itself.
#[derive(Clone, Copy)]
struct Functions {
    /// Calls the object's method of this name; the arguments follow as a format says.
    call: unsafe extern "C-unwind" fn(Object, *const c_char, *const c_char, ...) -> Object,
    is_true: unsafe extern "C-unwind" fn(Object) -> c_int,
    increment: unsafe extern "C-unwind" fn(Object),
    decrement: unsafe extern "C-unwind" fn(Object),
}

/// Kept, because a search through all libraries would be long enough for other threads to ask for the interpreter lock.
fn functions() -> Option<Functions> {
    static FUNCTIONS: OnceBox<Functions> = OnceBox::new();
    let search = || {
        let found = || {
            Some(Functions {
                call: function(c"PyObject_CallMethod")?,
                is_true: function(c"PyObject_IsTrue")?,
                increment: function(c"Py_IncRef")?,
                decrement: function(c"Py_DecRef")?,
            })
        };
        found().map(Box::new).ok_or(())
    };
    FUNCTIONS.get_or_try_init(search).ok().copied()
}

impl TakenLock {
    /// Waits for at most this long for the lock that is this object, and gives the interpreter lock up meanwhile; `None` where it was not
    /// to be had. Signals wait, because their Python handlers would run here, and what they raise would be lost.
    pub fn take(object: usize, at_most: Duration) -> Option<Self> {
        let python = functions()?;
        let seconds: c_double = at_most.as_secs_f64();
        let lock = object as Object;
        let mask = signal_mask::block();
        // SAFETY: the object is a lock that was found just now, while this thread had the interpreter lock; the format says what follows.
        let is_taken = unsafe {
            (python.increment)(lock);
            let result = (python.call)(lock, c"acquire".as_ptr(), c"id".as_ptr(), c_int::from(true), seconds);
            is_done(python, result, |result| (python.is_true)(result) == 1)
        };
        signal_mask::restore(mask);
        if !is_taken {
            // SAFETY: the reference is the one from above.
            unsafe { (python.decrement)(lock) };
        }
        is_taken.then_some(Self(object))
    }

    /// Releases the lock.
    pub fn release(self) {
        let Some(python) = functions() else { return };
        let lock = self.0 as Object;
        // SAFETY: this thread has the lock and a reference to it; the method has no arguments.
        unsafe {
            let result = (python.call)(lock, c"release".as_ptr(), core::ptr::null());
            is_done(python, result, |_| true);
            (python.decrement)(lock);
        }
    }

    /// The address of the object.
    pub fn object(&self) -> usize {
        self.0
    }
}

/// Whether a call did what it should: returned a `result`, which is given back, for which this holds.
///
/// # Safety
/// The result is null, with an exception set, or a reference that the caller owns.
unsafe fn is_done(python: Functions, result: Object, holds: impl FnOnce(Object) -> bool) -> bool {
    if result.is_null() {
        clear_error();
        return false;
    }
    let is_done = holds(result);
    // SAFETY: the caller's promise.
    unsafe { (python.decrement)(result) };
    is_done
}
