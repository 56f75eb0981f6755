//! What this process's Python code was doing at a fork, as far as it can be read without harm. The crate `process/` reads the
//! interpreter's structures; this decides what is read, and when.
//!
//! Other threads' frames and objects are only read while the forking thread holds the interpreter lock: `os.fork` does, from
//! before the copy until after it, so nothing changes. In a build without that lock, `os.fork` stops the other threads for as long.

use core::sync::atomic::{AtomicUsize, Ordering};

use forkwatch_process::cpython::{self, Held, Objects, Pages, Target, View};
use forkwatch_process::memory::ProcessMemory;
use forkwatch_process::modules::Modules;
use forkwatch_schema::record::PythonFrame;

use crate::state::held::{Entry, Object, Stage};
use crate::state::thread::Thread;
use crate::state::threads;
use crate::system::python::{self, Python};

/// This thread's innermost `depth` frames, and, if no other thread changes anything, the other threads and the locks that they
/// hold. `None` where there is no Python code, or none that we can read.
pub fn view(handle: usize, depth: usize, targets: &[Target]) -> Option<View> {
    let (python, objects, state) = from_here(Pages::for_many_reads)?;
    let has_lock = python.is_locked_by_this_thread();
    Some(objects.view(cpython::Thread { state, handle }, has_lock, depth, targets))
}

/// Whether the lock's thread really has it, and does not still wait for it.
pub fn is_really_held(held: &Held) -> bool {
    !(held.is_being_taken && is_waited_for_by(held))
}

/// Whether the thread that is in the call to take this lock still waits for it.
fn is_waited_for_by(held: &Held) -> bool {
    let is_semaphore =
        |entry: &Entry| entry.object == Object::Semaphore && matches!(entry.stage, Stage::Asked | Stage::AskedOrHeld);
    let waits = |thread: &Thread| {
        let mut asked = thread.held.entries().filter(is_semaphore);
        asked.any(|entry| waited_for(entry.address) == Some(held.address))
    };
    threads::all().any(|(_, _, thread)| thread.handle() == held.holder && waits(thread))
}

/// The `pthread_t` of the thread that holds this lock, which the calling thread is about to wait for; 0 where that is not known.
/// `None` where the calling thread cannot name the lock or has taken it itself, and where the lock is bookkeeping.
pub fn holder_of_inherited(address: usize) -> Option<usize> {
    let (_, objects, state) = from_here(Pages::for_many_reads)?;
    objects.holder_of_inherited(state, address)
}

/// The address of the CPython lock that the calling thread is about to wait for, if this semaphore belongs to such a wait.
pub fn waited_for(semaphore: usize) -> Option<usize> {
    let interpreter = &python::found()?.interpreter;
    let objects = Objects::open(interpreter, ProcessMemory::own(), Pages::for_few_reads)?;
    objects.has_own_locks().then(|| objects.parked_for(semaphore))?
}

/// A number that identifies where this thread's Python code is, in this process; 0 where it runs none. Read at every fork, so it
/// reads no more than needed.
pub fn place() -> u64 {
    /// How many innermost frames identify a place.
    const MAX: usize = 16;
    from_here(Pages::for_few_reads).map_or(0, |(_, objects, state)| objects.place(state, MAX))
}

/// The frames of the calling thread, innermost first; `None` where it runs no Python code.
pub fn current_stack(depth: usize) -> Option<Vec<PythonFrame>> {
    let (_, objects, state) = from_here(Pages::for_many_reads)?;
    objects.records_of(&objects.frames(state, depth))
}

/// The calling thread's name for the lock at this address.
pub fn name_from_here(address: usize) -> Option<String> {
    let (_, objects, state) = from_here(Pages::for_many_reads)?;
    objects.name_from(state, address).map(|named| named.name)
}

/// Where the calling thread has taken the lock at this address, which it holds.
pub fn where_taken(address: usize, depth: usize) -> Option<Vec<PythonFrame>> {
    let (_, objects, state) = from_here(Pages::for_many_reads)?;
    objects.where_taken(cpython::Thread { state, handle: 0 }, address, depth)
}

/// Whether this thread holds the interpreter lock, or has stopped all other threads of a build without one.
pub fn is_locked_by_this_thread() -> bool {
    python::found().is_some_and(Python::is_locked_by_this_thread)
}

/// Whether this thread holds the interpreter lock, or is attached to the interpreter of a build without one.
pub fn is_run_by_this_thread() -> bool {
    python::found().is_some_and(Python::is_run_by_this_thread)
}

/// Whether the innermost Python code may only try the lock that it asks for: see [`Objects::may_only_try`].
pub fn may_only_try() -> bool {
    let innermost = || {
        let (_, objects, state) = from_here(Pages::for_few_reads)?;
        let frame = objects.frames(state, 1).into_iter().next()?;
        Some(objects.may_only_try(frame))
    };
    innermost().unwrap_or(false)
}

/// Whether this code is CPython's, or of its module that takes semaphores for `multiprocessing`. A process asks for one or two addresses, so the last answers are kept.
pub fn is_its_code(address: usize) -> bool {
    // Relaxed: each word is independent of the other, and a lost one is only looked up again.
    static YES: AtomicUsize = AtomicUsize::new(0);
    static NO: AtomicUsize = AtomicUsize::new(0);
    if YES.load(Ordering::Relaxed) == address {
        return true;
    }
    if NO.load(Ordering::Relaxed) == address {
        return false;
    }
    let name = Modules::read().and_then(|modules| Some(modules.find(address)?.base_name()));
    let is = name.is_some_and(|name| {
        let mut beginnings = ["libpython", "python", "_multiprocessing."].into_iter();
        beginnings.any(|beginning| name.starts_with(beginning))
    });
    if is { &YES } else { &NO }.store(address, Ordering::Relaxed);
    is
}

fn from_here(pages: fn(ProcessMemory) -> Pages) -> Option<(&'static Python, Objects, usize)> {
    let python = python::found()?;
    let state = python.thread_state()?;
    let objects = Objects::open(&python.interpreter, ProcessMemory::own(), pages)?;
    Some((python, objects, state))
}
