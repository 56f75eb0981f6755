//! Locks for which a fork is not held back: an interpreter's own, which its threads hold for their lives, or for an instant in which the
//! fork cannot come.

use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use forkwatch_process::modules::Modules;
use forkwatch_state::address_set::AddressSet;

use super::own_locks::Interpreter;
use crate::state::depot::{self, NO_STACK, StackId};
use crate::state::held::{Entry, Object};
use crate::system::kernel::Kernel;
use crate::system::python;

/// A range of code that was searched for once. Relaxed, both: an address is in no range of which only one word is seen.
struct Code {
    start: AtomicUsize,
    /// 0 where there is none.
    bytes: AtomicUsize,
}

impl Code {
    const fn unknown() -> Self {
        Self {
            start: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    fn set(&self, range: Option<Range<usize>>) {
        if let Some(range) = range {
            // Relaxed: as it says.
            self.start.store(range.start, Ordering::Relaxed);
            self.bytes.store(range.len(), Ordering::Relaxed);
        }
    }

    /// Whether this is the address behind a call in it.
    fn made(&self, return_address: usize) -> bool {
        // Relaxed: as it says.
        let (start, bytes) = (self.start.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        return_address.wrapping_sub(1).wrapping_sub(start) < bytes
    }

    /// Whether one of the innermost frames of this stack lies in it: a few lie between a method and the libc function that it calls.
    fn is_near_end_of(&self, stack: StackId) -> bool {
        const MAX_DEPTH: usize = 6;
        depot::frames(stack)
            .iter()
            .take(MAX_DEPTH)
            .any(|&address| self.made(address))
    }
}

/// `_thread._set_sentinel`: interpreters since 3.13 have none.
static SENTINEL: Code = Code::unknown();
/// `subprocess`'s fork.
static FORK_EXEC: Code = Code::unknown();
/// All of the interpreter.
static INTERPRETER: Code = Code::unknown();
/// Whether they were searched for. Relaxed: a second search finds the same.
static HAS_SEARCHED: AtomicBool = AtomicBool::new(false);

/// What was found to be an interpreter's own only when it stayed held.
static LEARNT: AddressSet<Kernel> = AddressSet::new();
/// What was looked at closely, with either result.
static LOOKED_AT: AddressSet<Kernel> = AddressSet::new();

/// Looks for an interpreter, which takes milliseconds. Once is enough.
pub fn learn_interpreter() {
    // Relaxed: as it says.
    if HAS_SEARCHED.load(Ordering::Relaxed) {
        return;
    }
    if let Some(modules) = Modules::read() {
        let of_interpreter = || {
            let inside = python::symbol(c"PyEval_RestoreThread")? as usize;
            let mut parts = modules.parts(modules.index_of(inside)?);
            parts.find_map(|(part, _)| part.contains(&inside).then_some(part))
        };
        INTERPRETER.set(of_interpreter());
        if let Some(interpreter) = Interpreter::find(&modules) {
            SENTINEL.set(interpreter.set_sentinel());
            FORK_EXEC.set(interpreter.fork_exec());
        }
    }
    // Relaxed: as it says.
    HAS_SEARCHED.store(true, Ordering::Relaxed);
}

/// Whether this is one of the interpreter's own locks. A second interpreter's lie in memory of its own, and are known by who takes them: the
/// interpreter's code calls mutex functions for nothing else. [`learn_interpreter`] comes first.
pub fn is_of_interpreter(entry: &Entry) -> bool {
    let takes_it = || {
        depot::frames(entry.stack)
            .first()
            .is_some_and(|&caller| INTERPRETER.made(caller))
    };
    python::is_own_lock(entry.address) || entry.object == Object::Mutex && takes_it()
}

/// Whether `subprocess` forks here. Its module is part of the interpreter or, then loaded at any time, a library that forks for nothing else.
/// [`learn_interpreter`] comes first. May take milliseconds.
pub fn is_fork_exec(stack: StackId) -> bool {
    let caller = depot::frames(stack).first();
    let is_in_module = |&caller: &usize| {
        let modules = Modules::read()?;
        let module = modules.find(caller.wrapping_sub(1))?;
        Some(module.base_name().starts_with("_posixsubprocess."))
    };
    FORK_EXEC.is_near_end_of(stack) || caller.and_then(is_in_module).unwrap_or(false)
}

/// Whether a fork is held back for this lock.
pub fn counts(entry: &Entry) -> bool {
    !(python::is_own_lock(entry.address) || is_sentinel(entry) || LEARNT.contains(entry.address))
}

/// Looks closely at a lock that stays held, once. True if it does not count from now on. Takes milliseconds.
pub fn learn(entry: &Entry) -> bool {
    if entry.object != Object::Semaphore || python::found().is_none() || LOOKED_AT.contains(entry.address) {
        return false;
    }
    LOOKED_AT.insert(entry.address);
    let owns = |modules: Modules| Some(Interpreter::find(&modules)?.owns_for_life(&modules, entry));
    let is_own = Modules::read().and_then(owns).unwrap_or(false);
    if is_own {
        LEARNT.insert(entry.address);
    }
    is_own
}

/// Whether this is a thread's `_tstate_lock`, which it holds for its life (up to 3.12).
fn is_sentinel(entry: &Entry) -> bool {
    entry.made != NO_STACK && SENTINEL.is_near_end_of(entry.made)
}
