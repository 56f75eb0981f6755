//! Takes and releases the locks of Python code, as that code does: called only where forks are held back, by a thread that has the
//! interpreter lock.
#![expect(unsafe_code, reason = "functions of CPython")]

use core::ffi::{c_char, c_double, c_int};
use core::time::Duration;

use super::python_calls::{Object, clear_error, function};
use super::signal_mask;

/// A lock that this thread has taken: the address of its object, to which it has a reference.
#[derive(Debug)]
#[must_use]
pub struct TakenLock(usize);

/// The object's method of this name, and its arguments as a format says.
type CallMethod = unsafe extern "C-unwind" fn(Object, *const c_char, *const c_char, ...) -> Object;
type OfObject = unsafe extern "C-unwind" fn(Object);

impl TakenLock {
    /// Waits for at most this long for the lock that is this object, and gives the interpreter lock up meanwhile; `None` where it was not
    /// to be had. Signals wait, because their Python handlers would run here, and what they raise would be lost.
    pub fn take(object: usize, at_most: Duration) -> Option<Self> {
        let call: CallMethod = function(c"PyObject_CallMethod")?;
        let is_true: unsafe extern "C-unwind" fn(Object) -> c_int = function(c"PyObject_IsTrue")?;
        let [increment, decrement]: [OfObject; 2] = [function(c"Py_IncRef")?, function(c"Py_DecRef")?];
        let seconds: c_double = at_most.as_secs_f64();
        let lock = object as Object;
        let mask = signal_mask::block();
        // SAFETY: the object is a lock that was found just now, while this thread had the interpreter lock; the format says what follows.
        let is_taken = unsafe {
            increment(lock);
            let result = call(lock, c"acquire".as_ptr(), c"id".as_ptr(), c_int::from(true), seconds);
            if result.is_null() {
                clear_error();
                false
            } else {
                let is_taken = is_true(result) == 1;
                decrement(result);
                is_taken
            }
        };
        signal_mask::restore(mask);
        if !is_taken {
            // SAFETY: the reference is the one from above.
            unsafe { decrement(lock) };
        }
        is_taken.then_some(Self(object))
    }

    /// Releases the lock.
    pub fn release(self) {
        let functions = || {
            let call: CallMethod = function(c"PyObject_CallMethod")?;
            let decrement: OfObject = function(c"Py_DecRef")?;
            Some((call, decrement))
        };
        let Some((call, decrement)) = functions() else { return };
        let lock = self.0 as Object;
        // SAFETY: this thread has the lock and a reference to it; the method has no arguments.
        unsafe {
            let result = call(lock, c"release".as_ptr(), core::ptr::null());
            if result.is_null() {
                clear_error();
            } else {
                decrement(result);
            }
            decrement(lock);
        }
    }

    /// The address of the object.
    pub fn object(&self) -> usize {
        self.0
    }
}
