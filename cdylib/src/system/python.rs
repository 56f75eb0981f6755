//! CPython's own functions and types, where the process has them: linked into the program, or in a library with global symbols.
//!
//! Calls only functions that neither lock, allocate nor run Python code: does this thread hold the interpreter lock, and which is
//! its thread state?
//!
//! A build without an interpreter lock has what comes close to it: a thread is attached to its interpreter while it runs Python code, and
//! one thread can stop all others that are attached. `os.fork` does, from before the copy until after it.
#![expect(unsafe_code, reason = "functions of CPython")]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ops::Range;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use forkwatch_process::cpython::interpreter::{is_without_lock, minor_of};
use forkwatch_process::cpython::{DebugOffsets, Interpreter, Types, versions};
use once_cell::race::OnceBox;

use super::libc_threads;
use super::next_definition::{self, Access, Scope};
use super::stopped_threads::StoppedThreads;

/// How many searches by the first thread may fail before this is not a Python program.
const MAX_SEARCHES: u32 = 32;

static FOUND: OnceBox<Python> = OnceBox::new();
/// What an interpreter says of itself whose structures are not known.
static UNKNOWN: OnceBox<String> = OnceBox::new();
/// Relaxed: a count.
static SEARCHES: AtomicU32 = AtomicU32::new(0);

/// The interpreter in this process.
#[derive(Debug)]
pub struct Python {
    /// What is known about it.
    pub interpreter: Interpreter,
    check: unsafe extern "C" fn() -> c_int,
    /// In a build without an interpreter lock: who has stopped all other threads.
    stop: Option<StoppedThreads>,
    thread_state: unsafe extern "C" fn() -> *mut c_void,
    /// The state of the thread that runs Python code now; up to 3.11 whichever thread that is.
    running: Option<unsafe extern "C" fn() -> *mut c_void>,
}

impl Python {
    /// Whether no other thread changes any object: this thread holds the interpreter lock, or has stopped the others.
    pub fn is_locked_by_this_thread(&self) -> bool {
        match &self.stop {
            None => self.is_run_by_this_thread(),
            Some(stop) => self.thread_state().is_some_and(|state| stop.is_by(state)),
        }
    }

    /// Whether this thread may run Python code: it holds the interpreter lock, or, in a build without one, is attached to its interpreter.
    pub fn is_run_by_this_thread(&self) -> bool {
        // SAFETY: the functions compare and read a few words, and take no lock.
        unsafe {
            // Once a process has had a second interpreter, the check says yes to everybody.
            (self.check)() != 0 && self.running.is_none_or(|running| running() == (self.thread_state)())
        }
    }

    /// The address of this thread's state; `None` in a thread that never ran Python code.
    pub fn thread_state(&self) -> Option<usize> {
        // SAFETY: the function reads thread-specific data, and takes no lock.
        let state = unsafe { (self.thread_state)() };
        (!state.is_null()).then_some(state as usize)
    }
}

/// Where the interpreter's own locks begin, and how many bytes they take; 0 where that is not known. Relaxed: both are written once,
/// and an address is in no range of which only one is seen.
static OWN_LOCKS: AtomicUsize = AtomicUsize::new(0);
static OWN_LOCKS_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Whether this address is that of one of the interpreter's own locks, such as the interpreter lock.
#[inline(always)]
pub fn is_own_lock(address: usize) -> bool {
    // Relaxed: as the two variables say.
    address.wrapping_sub(OWN_LOCKS.load(Ordering::Relaxed)) < OWN_LOCKS_BYTES.load(Ordering::Relaxed)
}

/// Where they lie: in `_PyRuntime`. Up to 3.6 they are variables, which lie around one that has a public name.
fn own_locks() -> Option<Range<usize>> {
    /// How far they lie from it at most: the data of 3.6 and its modules takes less.
    const AROUND: usize = 1 << 19;
    let around = || {
        let variable = definition(c"_PyThreadState_Current")?.start;
        Some(variable.saturating_sub(AROUND)..variable.saturating_add(AROUND))
    };
    definition(c"_PyRuntime").or_else(around)
}

/// The interpreter, if a search has found one.
pub fn found() -> Option<&'static Python> {
    FOUND.get()
}

/// The version that an interpreter says it is, if its structures are not known: nothing of Python can be said.
pub fn unknown() -> Option<&'static str> {
    UNKNOWN.get().map(String::as_str)
}

/// Whether the process has an interpreter, be it one that is not known. Looked up in a forked child only.
pub fn is_there() -> bool {
    FOUND.get().is_some() || symbol(c"Py_GetVersion").is_some()
}

/// The addresses of the function by which CPython makes its state anew in a forked child. Looked up in such a child only.
pub fn after_fork() -> Range<usize> {
    static START: AtomicUsize = AtomicUsize::new(0);
    static BYTES: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: each value stands for itself, and a look that comes between the two finds an empty range.
    if START.load(Ordering::Relaxed) == 0 {
        let found = definition(c"PyOS_AfterFork_Child").or_else(|| definition(c"PyOS_AfterFork"));
        let found = found.unwrap_or(1..1);
        BYTES.store(found.len(), Ordering::Relaxed);
        START.store(found.start, Ordering::Relaxed);
    }
    let start = START.load(Ordering::Relaxed);
    start..start + BYTES.load(Ordering::Relaxed)
}

/// Searches for the interpreter. Never called at a fork, which it would delay.
pub fn search() {
    if FOUND.get().is_some() || SEARCHES.fetch_add(1, Ordering::Relaxed) >= MAX_SEARCHES {
        return;
    }
    if let Some(python) = python() {
        if let Some(locks) = own_locks() {
            // Relaxed: as the two variables say.
            OWN_LOCKS.store(locks.start, Ordering::Relaxed);
            OWN_LOCKS_BYTES.store(locks.len(), Ordering::Relaxed);
        }
        // A search that finished first has found the same.
        let _first_wins = FOUND.set(Box::new(python));
    }
}

fn python() -> Option<Python> {
    let check = function(c"PyGILState_Check")?;
    let version = function::<unsafe extern "C" fn() -> *const c_char>(c"Py_GetVersion")?;
    let types = Types::by_name(|name| symbol(name).map(|symbol| symbol as usize))?;
    let thread_state = function(c"PyGILState_GetThisThreadState")?;
    // SAFETY: the function of this name has had this type since 3.4, and its text lives as long as the process.
    let version = unsafe { CStr::from_ptr(version()) };
    let minor = minor_of(version.to_bytes());
    let has_lock = !is_without_lock(version.to_bytes());
    if minor.and_then(versions::of).is_none() {
        note_unknown(version);
    }
    let minor = minor?;
    let interpreter = Interpreter {
        minor,
        types,
        offsets: offsets(minor),
    };
    let stop = definition(c"_PyRuntime").filter(|_| !has_lock).map(StoppedThreads::of);
    if has_lock != interpreter.has_lock() || has_lock == stop.is_some() {
        note_unknown(version);
        return None;
    }
    Some(Python {
        interpreter,
        check,
        stop,
        running: function(c"PyThreadState_GetUnchecked").or_else(|| function(c"_PyThreadState_UncheckedGet")),
        thread_state,
    })
}

/// This version's structures are not known.
fn note_unknown(version: &CStr) {
    let text = version.to_string_lossy();
    let number = text.split('(').next().unwrap_or_default().trim();
    // A search that finished first has found the same.
    let _first_wins = UNKNOWN.set(Box::new(number.to_owned()));
}

fn offsets(minor: u32) -> Option<DebugOffsets> {
    /// The first version with the table.
    const FIRST: u32 = 13;
    if minor < FIRST {
        return None;
    }
    let table = symbol(c"_PyRuntime")?.cast::<[u64; DebugOffsets::WORDS]>();
    // SAFETY: since 3.13 the object begins with the table, which is longer than this and never written, and lives as long as
    // the interpreter.
    let offsets = DebugOffsets::parse(unsafe { &*table });
    offsets.filter(|offsets| offsets.minor() == minor)
}

/// A function or variable of the interpreter that the process has.
pub fn symbol(name: &CStr) -> Option<*mut c_void> {
    definition(name).map(|extent| extent.start as *mut c_void)
}

/// The function of this name, as one of type `F`, which the caller knows it to have.
pub(super) fn function<F: Copy>(name: &CStr) -> Option<F> {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>(), "a function pointer") };
    let address = symbol(name)?;
    // SAFETY: the caller names the type that the function has; a function pointer is as large as this one.
    Some(unsafe { core::mem::transmute_copy::<*mut c_void, F>(&address) })
}

fn definition(name: &CStr) -> Option<Range<usize>> {
    // With one thread, nothing is unloaded while it is read.
    let access = if libc_threads::none_was_made() {
        Access::Direct
    } else {
        Access::Guarded
    };
    next_definition::extent(Scope::All, access, name, None)
}
