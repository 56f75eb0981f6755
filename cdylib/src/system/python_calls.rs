//! CPython's functions that run Python code or wait for the interpreter lock: called only where forks are held back.
//!
//! All have had these names and types since 3.7, and belong to the stable ABI or are as old as it.
#![expect(unsafe_code, reason = "functions of CPython")]

use core::ffi::{c_char, c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use once_cell::race::OnceBox;

use super::python::{self, function, symbol};

type Object = *mut c_void;

/// The functions that give the interpreter lock up and take it again.
#[derive(Clone, Copy, Debug)]
pub struct InterpreterLock {
    save: unsafe extern "C-unwind" fn() -> Object,
    restore: unsafe extern "C-unwind" fn(Object),
}

/// A thread's state, while the thread does not have the interpreter lock.
#[derive(Debug)]
#[must_use]
pub struct Released(Object);

impl InterpreterLock {
    /// Gives the interpreter lock up, which this thread has.
    pub fn release(self) -> Released {
        // SAFETY: the caller has the lock.
        Released(unsafe { (self.save)() })
    }

    /// Takes it again, however long that takes. Ends the thread where the interpreter is being finalised.
    pub fn take(self, released: Released) {
        // SAFETY: the state is that of this thread, from `release`.
        unsafe { (self.restore)(released.0) };
    }
}

static INTERPRETER_LOCK: OnceBox<InterpreterLock> = OnceBox::new();

/// The interpreter lock, if [`search`] has found it.
pub fn interpreter_lock() -> Option<InterpreterLock> {
    INTERPRETER_LOCK.get().copied()
}

/// Looks for the functions. True where they are there.
pub fn search() -> bool {
    if INTERPRETER_LOCK.get().is_some() {
        return true;
    }
    let found = || {
        python::found()?;
        Some(InterpreterLock {
            save: function(c"PyEval_SaveThread")?,
            restore: function(c"PyEval_RestoreThread")?,
        })
    };
    match found() {
        // A search that finished first has found the same.
        Some(lock) => INTERPRETER_LOCK.set(Box::new(lock)).is_ok() || INTERPRETER_LOCK.get().is_some(),
        None => false,
    }
}

/// What [`call_before_forks`] was given. Relaxed: written before Python can call [`before_fork`].
static BEFORE_FORK: AtomicUsize = AtomicUsize::new(0);
/// `Py_IncRef` and `None`. Relaxed: as above.
static INCREMENT: AtomicUsize = AtomicUsize::new(0);
static NONE: AtomicUsize = AtomicUsize::new(0);
/// Relaxed: one exchange wins.
static IS_REGISTERED: AtomicBool = AtomicBool::new(false);
/// Whether that was possible. Relaxed: a value of its own.
static ARE_ANNOUNCED: AtomicBool = AtomicBool::new(false);

/// A row of a method table (`PyMethodDef`).
#[repr(C)]
struct Method {
    name: *const c_char,
    function: unsafe extern "C-unwind" fn(Object, Object) -> Object,
    flags: c_int,
    documentation: *const c_char,
}

// SAFETY: never written, and its pointers are to constants.
unsafe impl Sync for Method {}

static METHOD: Method = Method {
    name: c"forkwatch_before_fork".as_ptr(),
    function: before_fork,
    flags: NO_ARGUMENTS,
    documentation: c"Holds the fork back until no other thread holds a lock.".as_ptr(),
};

/// `METH_NOARGS`.
const NO_ARGUMENTS: c_int = 4;

unsafe extern "C-unwind" fn before_fork(_module: Object, _nothing: Object) -> Object {
    // Relaxed: as the three say.
    let [function, increment, none] = [&BEFORE_FORK, &INCREMENT, &NONE].map(|word| word.load(Ordering::Relaxed));
    // SAFETY: `call_before_forks` stored a function of ours, Python's `Py_IncRef`, and the object `None`.
    unsafe {
        core::mem::transmute::<usize, extern "C-unwind" fn()>(function)();
        core::mem::transmute::<usize, unsafe extern "C-unwind" fn(Object)>(increment)(none as Object);
    }
    none as Object
}

/// Lets Python call this function before each fork of its own, once for all: `os.register_at_fork(before=...)`. The calling thread has the
/// interpreter lock, and is in a call that may run Python code. An interpreter without that function (before 3.7) calls nothing.
pub fn call_before_forks(function: extern "C-unwind" fn()) {
    let (Some(increment), Some(none)) = (symbol(c"Py_IncRef"), symbol(c"_Py_NoneStruct")) else {
        return;
    };
    if IS_REGISTERED.swap(true, Ordering::Relaxed) {
        return;
    }
    // Relaxed: as the three say.
    BEFORE_FORK.store(function as usize, Ordering::Relaxed);
    INCREMENT.store(increment as usize, Ordering::Relaxed);
    NONE.store(none as usize, Ordering::Relaxed);
    match register() {
        Some(()) => ARE_ANNOUNCED.store(true, Ordering::Relaxed),
        None => clear_error(),
    }
}

/// Whether Python calls a function of ours before each fork of its own.
pub fn are_forks_announced() -> bool {
    ARE_ANNOUNCED.load(Ordering::Relaxed)
}

fn clear_error() {
    if let Some(clear) = function::<unsafe extern "C" fn()>(c"PyErr_Clear") {
        // SAFETY: the function of this name has this type, and this thread has the interpreter lock.
        unsafe { clear() };
    }
}

fn register() -> Option<()> {
    let import: unsafe extern "C-unwind" fn(*const c_char) -> Object = function(c"PyImport_ImportModule")?;
    let attribute: unsafe extern "C-unwind" fn(Object, *const c_char) -> Object = function(c"PyObject_GetAttrString")?;
    let make: unsafe extern "C-unwind" fn(*const Method, Object, Object) -> Object = function(c"PyCFunction_NewEx")?;
    let tuple: unsafe extern "C-unwind" fn(isize) -> Object = function(c"PyTuple_New")?;
    let dictionary: unsafe extern "C-unwind" fn() -> Object = function(c"PyDict_New")?;
    let set: unsafe extern "C-unwind" fn(Object, *const c_char, Object) -> c_int = function(c"PyDict_SetItemString")?;
    let call: unsafe extern "C-unwind" fn(Object, Object, Object) -> Object = function(c"PyObject_Call")?;
    let decrement: unsafe extern "C-unwind" fn(Object) = function(c"Py_DecRef")?;
    let some = |object: Object| (!object.is_null()).then_some(object);
    // SAFETY: this thread has the interpreter lock, each object is passed on as its function asks, and each reference that is
    // owned here is given back; what is left after a failure stays for ever.
    unsafe {
        let posix = some(import(c"posix".as_ptr()))?;
        let register = some(attribute(posix, c"register_at_fork".as_ptr()))?;
        let before = some(make(&raw const METHOD, null_mut(), null_mut()))?;
        let (arguments, keywords) = (some(tuple(0))?, some(dictionary())?);
        if set(keywords, c"before".as_ptr(), before) != 0 {
            return None;
        }
        let result = some(call(register, arguments, keywords))?;
        for object in [result, keywords, arguments, before, register, posix] {
            decrement(object);
        }
    }
    Some(())
}
