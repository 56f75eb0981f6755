//! What Python was doing in a process with one thread, and which lock it waits for, if Python knows that lock.

use forkwatch_process::cpython::{ForeignPython, Holder, SeenThread};
use forkwatch_process::modules::Modules;
use forkwatch_schema::record::PythonFrame;

use crate::proc::Process;
use crate::stack::{self, MAX_FRAMES};

/// The Python side of a process with one thread.
#[derive(Debug)]
pub struct Python {
    /// The file that the interpreter is in.
    pub interpreter: String,
    /// The name that `threading` has for the thread.
    pub thread: Option<String>,
    /// Its frames, innermost first.
    pub frames: Vec<PythonFrame>,
    /// The lock that it waits for; `None` if that is not a lock of Python code.
    pub lock: Option<Lock>,
}

/// A lock of Python code.
#[derive(Debug)]
pub struct Lock {
    /// What the program calls it.
    pub name: String,
    /// Who holds it; `None` if not known.
    pub owner: Option<Owner>,
}

/// Who holds a lock.
#[derive(Debug)]
pub struct Owner {
    /// The name that `threading` has for the thread; `None` if it has none, or if the thread has ended in the parent.
    pub thread: Option<String>,
    /// Where it took the lock.
    pub taken_in: Option<PythonFrame>,
    /// Whether the parent's current state shows it; otherwise the lock itself does.
    pub is_seen_in_parent: bool,
}

impl Python {
    /// What is known about the process with these modules, which waits on `futex`. `parent` is the process that forked it, if it
    /// still runs the same program.
    pub fn of(process: Process, modules: &Modules, futex: Option<u64>, parent: Option<Process>) -> Option<Self> {
        let python = ForeignPython::find(modules)?;
        let threads = python.threads(MAX_FRAMES);
        let own = python.only(&threads, process.0)?;
        let lock = futex
            .and_then(|futex| usize::try_from(futex).ok())
            .and_then(|futex| Lock::behind(&python, own, futex, &threads, parent));
        Some(Self {
            interpreter: String::from_utf8_lossy(python.path()).into_owned(),
            thread: own.name.clone(),
            frames: own.frames.clone(),
            lock,
        })
    }
}

impl Lock {
    fn behind(
        python: &ForeignPython,
        own: &SeenThread,
        futex: usize,
        threads: &[SeenThread],
        parent: Option<Process>,
    ) -> Option<Self> {
        let address = python.lock_behind(futex);
        let named = python.name_of_lock(own.thread, address)?;
        let modules = parent.and_then(|parent| stack::modules(parent).ok());
        let parent = modules.and_then(|modules| ForeignPython::find(&modules));
        let of_parent = parent
            .as_ref()
            .map_or_else(Vec::new, |parent| parent.threads(MAX_FRAMES));
        let name_of = |handle| {
            let mut all = threads.iter().chain(&of_parent);
            all.find(|seen| seen.thread.handle == handle && seen.name.is_some())?
                .name
                .clone()
        };
        // The child's memory is a copy of the parent's at the fork, so the lock has the same address there.
        let seen = parent.and_then(|parent| parent.holder(address));
        let seen = seen.filter(|seen| named.holder.is_none_or(|holder| holder == seen.handle));
        let owner = match (seen, named.holder) {
            (Some(Holder { handle, frame }), _) => Some(Owner {
                thread: name_of(handle),
                taken_in: frame,
                is_seen_in_parent: true,
            }),
            (None, Some(handle)) => Some(Owner {
                thread: name_of(handle),
                taken_in: None,
                is_seen_in_parent: false,
            }),
            (None, None) => None,
        };
        Some(Self {
            name: named.name,
            owner,
        })
    }
}
