//! Where a thread takes a lock in Python code: kept in the depot as words, and put into words that people read when a finding is about it.

use forkwatch_process::cpython::{Objects, Pages};
use forkwatch_process::memory::ProcessMemory;
use forkwatch_schema::record::PythonFrame;

use crate::config;
use crate::state::depot::{self, MAX_FRAMES, NO_STACK, StackId};
use crate::state::thread::Busy;
use crate::system::errno::KeepErrno;
use crate::system::python;

/// How many innermost frames are kept. A line that logs is a dozen frames outside the lock of the queue that it logs to.
const FRAMES: usize = 16;

/// Where this thread's code is now; [`NO_STACK`] where it runs none of Python's. Takes some ten microseconds.
pub fn current() -> StackId {
    const { assert!(3 * FRAMES <= MAX_FRAMES, "three words for a frame") };
    of_this_thread(FRAMES, |_, marks| depot::intern(marks)).unwrap_or(NO_STACK)
}

/// Whether this thread waits at a `threading.Barrier`: by that it tells the others something.
pub fn is_at_barrier() -> bool {
    /// The barrier's wait is the innermost function but for those of its condition.
    const CLOSE: usize = 4;
    // Before 3.11, code does not know its class; no other class of the module has such a method.
    let is_barriers = |frame: &PythonFrame| {
        matches!(frame.function.as_str(), "Barrier._wait" | "_wait") && frame.file.ends_with("/threading.py")
    };
    let frames = of_this_thread(CLOSE, Objects::records_of_marks).flatten();
    frames.is_some_and(|frames| frames.iter().any(is_barriers))
}

/// What `read` makes of the innermost frames of this thread; `None` where it runs no code of Python's that may be read.
fn of_this_thread<R>(limit: usize, read: impl FnOnce(&Objects, &[usize]) -> R) -> Option<R> {
    let _errno = KeepErrno::save();
    let _busy = Busy::from_here();
    let python = python::found().filter(|_| config::get().python)?;
    let state = python.thread_state()?;
    let objects = Objects::open(&python.interpreter, ProcessMemory::own(), Pages::for_few_reads)?;
    Some(read(&objects, &objects.marks(state, limit)))
}

/// The frames of such a place; `None` where there are none any more.
pub fn frames(place: StackId) -> Option<Vec<PythonFrame>> {
    let python = python::found()?;
    let objects = Objects::open(&python.interpreter, ProcessMemory::own(), Pages::for_many_reads)?;
    objects.records_of_marks(depot::frames(place))
}
