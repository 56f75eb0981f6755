//! Locks that are CPython's own bookkeeping: held for an instant, or for a thread's lifetime by design, and repaired by CPython
//! in the child. They never count.
//!
//! * What lies in the `_PyRuntime` object, or is pointed to by it: the GIL, the list of interpreters, pending calls.
//! * The lock that each `Condition.wait` makes for itself, just before the thread waits on it.
//! * What a variable of its C code points to: the import lock, which the child initialises again, and `faulthandler`'s for its
//!   watchdog, held from the start (up to 3.8).
//! * `Thread._tstate_lock` (up to 3.12): made by `_thread._set_sentinel` in the very thread that then holds it for its life.

use core::ops::Range;

use forkwatch_process::cpython::CPython;
use forkwatch_process::modules::Modules;

use crate::snapshot::other_threads::OtherThread;
use crate::state::depot::{self, NO_STACK, StackId};
use crate::state::held::{Entry, Object};

/// The most frames between `sem_init` and the method that made the lock, or `fork` and the method that forks.
const MAX_DEPTH: usize = 6;

/// What is known about the interpreter in this process.
#[derive(Debug)]
pub struct Interpreter {
    cpython: CPython,
    runtime: Option<Range<usize>>,
    set_sentinel: Option<Range<usize>>,
    fork_exec: Option<Range<usize>>,
    forks: [Option<Range<usize>>; 2],
}

impl Interpreter {
    /// Looks for CPython among the modules; `None` where there is none.
    pub fn find(modules: &Modules) -> Option<Self> {
        let cpython = CPython::find(modules)?;
        let mut methods = cpython
            .method_functions(modules, &["_set_sentinel", "fork_exec", "fork", "forkpty"])
            .into_iter();
        let mut next = || methods.next().flatten();
        Some(Self {
            runtime: cpython.runtime_range(),
            set_sentinel: next(),
            fork_exec: next(),
            forks: [next(), next()],
            cpython,
        })
    }

    /// The code of `_thread._set_sentinel`, which makes the lock that a thread holds for its life (up to 3.12).
    pub fn set_sentinel(&self) -> Option<Range<usize>> {
        self.set_sentinel.clone()
    }

    /// The code of `subprocess`'s fork.
    pub fn fork_exec(&self) -> Option<Range<usize>> {
        self.fork_exec.clone()
    }

    /// Whether this lock is CPython's own.
    pub fn owns(&self, modules: &Modules, entry: &Entry) -> bool {
        if self.is_in_runtime(entry.address) {
            return true;
        }
        if entry.object != Object::Semaphore {
            return false;
        }
        let made_by_set_sentinel = entry.made != NO_STACK && passes(&self.set_sentinel, depot::frames(entry.made));
        made_by_set_sentinel
            || self.cpython.pointed_to_by_runtime(modules.memory(), entry.address)
            || self.cpython.pointed_to_by_variable(modules, entry.address)
    }

    /// Whether this lock is CPython's own, and its holder may hold it for its life. A variable may point to where another thing was before
    /// the lock, so a lock that Python code took is never one of them.
    pub fn owns_for_life(&self, modules: &Modules, entry: &Entry) -> bool {
        let evaluation = self.cpython.function(modules, c"_PyEval_EvalFrameDefault");
        let is_python_code = |&address: &usize| {
            let evaluation = evaluation.as_ref();
            evaluation.is_none_or(|evaluation| evaluation.contains(&address.wrapping_sub(1)))
        };
        !depot::frames(entry.stack).iter().any(is_python_code) && self.owns(modules, entry)
    }

    /// Whether this lock is the one that `Condition.wait` makes and takes just before it waits for it: made by the holder itself,
    /// while the holder runs or asks for the GIL. A holder that sleeps elsewhere holds a real lock.
    pub fn is_waiter_lock(&self, entry: &Entry, holder: Option<&OtherThread>) -> bool {
        let Some(holder) = holder else { return false };
        let asks_for_gil = holder.asked.is_some_and(|asked| self.is_in_runtime(asked.address));
        entry.made != NO_STACK && (!holder.is_blocked() || asks_for_gil)
    }

    /// Whether the interpreter's own code made the call that this stack ends in.
    pub fn is_innermost_in(&self, modules: &Modules, stack: StackId) -> bool {
        let innermost = depot::frames(stack).first();
        let module = innermost.and_then(|address| modules.find(address.wrapping_sub(1)));
        module.is_some_and(|module| module.path() == self.cpython.path())
    }

    /// Whether this stack, innermost first, is `subprocess`'s fork, also in an interpreter without symbols.
    pub fn is_fork_exec(&self, stack: &[usize]) -> bool {
        passes(&self.fork_exec, stack)
    }

    /// Whether this stack, innermost first, is that of `os.fork` or `os.forkpty`, whose child calls the functions that
    /// `os.register_at_fork` was given.
    pub fn calls_handlers(&self, stack: &[usize]) -> bool {
        self.forks.iter().any(|fork| passes(fork, stack))
    }

    fn is_in_runtime(&self, address: usize) -> bool {
        self.runtime.as_ref().is_some_and(|runtime| runtime.contains(&address))
    }
}

fn passes(function: &Option<Range<usize>>, stack: &[usize]) -> bool {
    // A return address lies behind its call, so that of a function's last instruction may lie outside the function.
    let Some(function) = function else { return false };
    stack
        .iter()
        .take(MAX_DEPTH)
        .any(|&address| function.contains(&address.wrapping_sub(1)))
}
