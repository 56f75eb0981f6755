//! What this process's Python code was doing at a fork, as far as it can be told without harm: the crate `process/` reads the
//! interpreter's structures, and here stands who asks for what, and when.
//!
//! Other threads' frames and objects are only looked at while the forking thread holds the interpreter lock: `os.fork` does,
//! from before the copy until after it, so nothing moves.

use forkwatch_process::cpython::{Held, Objects, Pages, Target, Thread, View};
use forkwatch_process::memory::ProcessMemory;
use forkwatch_schema::record::PythonFrame;

use crate::system::python::{self, Python};

/// Looks at this thread's frames, `depth` of them, and, while it holds the interpreter lock, at the other threads and at the
/// locks that they hold. `None` where there is no Python code, or none that we can read.
pub fn look(handle: usize, depth: usize, targets: &[Target]) -> Option<View> {
    let (python, objects, state) = from_here(Pages::for_much)?;
    let has_lock = python.is_locked_by_this_thread();
    Some(objects.view(Thread { state, handle }, has_lock, depth, targets))
}

/// The locks that pass no hook, of other threads that are inside a block: while this thread holds the interpreter lock. Every
/// fork beside other threads asks this.
pub fn held_in_blocks(handle: usize) -> Vec<Held> {
    match from_here(Pages::for_frames) {
        Some((python, objects, state)) if objects.has_own_locks() && python.is_locked_by_this_thread() => {
            objects.held_by_others(Thread { state, handle })
        }
        _ => Vec::new(),
    }
}

/// The `pthread_t` of who holds this lock, which the thread that asks is about to wait for; 0 where that is not known. `None`
/// where it knows the lock by no name, where it has taken the lock itself, and where the lock is bookkeeping.
pub fn holder_of_inherited(address: usize) -> Option<usize> {
    let (_, objects, state) = from_here(Pages::for_much)?;
    objects.holder_of_inherited(state, address)
}

/// The lock that the thread which asks is about to wait for, if this semaphore stands for such a wait of CPython's: its address.
pub fn waited_for(semaphore: usize) -> Option<usize> {
    let interpreter = &python::found()?.interpreter;
    let objects = Objects::look(interpreter, ProcessMemory::own(), Pages::for_little)?;
    objects.has_own_locks().then(|| objects.parked_for(semaphore))?
}

/// What tells the place where this thread's Python code is from others, in this process; 0 where it runs none. Every fork
/// asks this, so it reads no more than needed.
pub fn place() -> u64 {
    /// The innermost frames that tell places apart.
    const MOST: usize = 16;
    from_here(Pages::for_little).map_or(0, |(_, objects, state)| objects.place(state, MOST))
}

/// The frames of the thread that asks, innermost first; `None` where it runs no Python code.
pub fn current_stack(depth: usize) -> Option<Vec<PythonFrame>> {
    let (_, objects, state) = from_here(Pages::for_much)?;
    objects.records_of(&objects.frames(state, depth))
}

/// What the thread that asks calls the lock at this address.
pub fn name_from_here(address: usize) -> Option<String> {
    let (_, objects, state) = from_here(Pages::for_much)?;
    objects.name_from(state, address).map(|named| named.name)
}

fn from_here(pages: fn(ProcessMemory) -> Pages) -> Option<(&'static Python, Objects, usize)> {
    let python = python::found()?;
    let state = python.thread_state()?;
    let objects = Objects::look(&python.interpreter, ProcessMemory::own(), pages)?;
    Some((python, objects, state))
}
