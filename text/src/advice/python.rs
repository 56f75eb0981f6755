//! The line about a fork of Python code: which call to change, and into what.
//!
//! Only the advice itself calls this.

use forkwatch_schema::record::{Lock, PythonFrame};

use forkwatch_schema::path::base_name;
use forkwatch_schema::users_frame;

/// What forks, according to the innermost frames.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Forks {
    Executor,
    Pool,
    Process,
    Terminal,
    Itself,
}

/// What to do about the fork that these frames, innermost first, have called.
pub(super) fn about_fork(frames: &[PythonFrame]) -> Option<String> {
    let forks = what_forks(frames);
    let place = place(users_frame::of_python(frames)?);
    Some(match forks {
        Forks::Executor => format!(
            "Pass mp_context=multiprocessing.get_context(\"spawn\") (or \"forkserver\") to the ProcessPoolExecutor \
             used in {place}; its workers are then not copies of this process."
        ),
        Forks::Pool => format!(
            "Create the Pool in {place} with multiprocessing.get_context(\"spawn\").Pool() (or \"forkserver\"); its \
             workers are then not copies of this process."
        ),
        Forks::Process => format!(
            "Create the Process that {place} starts with multiprocessing.get_context(\"spawn\").Process() (or \
             \"forkserver\"), or call multiprocessing.set_start_method(\"spawn\") at the start of the program; it is \
             then not a copy of this process."
        ),
        Forks::Terminal => format!(
            "In {place}, start the program behind the terminal with subprocess and a pair from os.openpty(), not with \
             pty.fork() or pty.spawn(), which copy the process while its other threads run."
        ),
        Forks::Itself => format!(
            "In {place}, start another program with subprocess, or a process with \
             multiprocessing.get_context(\"spawn\"), instead of os.fork(); or fork before the first thread starts."
        ),
    })
}

/// A line for the locks of logging handlers, which programs use without having created them.
pub(super) fn about_logging(locks: &[Lock]) -> Option<String> {
    let of_logging = |lock: &&Lock| {
        let name = lock.name.as_deref().unwrap_or_default();
        name.contains("(logging/") || name.contains("Handler.")
    };
    locks.iter().find(of_logging).map(|_| {
        "Configure logging again in the child, or only after the fork: another thread was writing a log line, and the \
         child has a copy of its handler's lock."
            .to_owned()
    })
}

/// What the program calls a lock, of a name such as `self.door in Vault.keep_open (bank.py:7)`.
pub(super) fn expression(name: &str) -> &str {
    name.split_once(" in ").map_or(name, |(expression, _)| expression)
}

fn what_forks(frames: &[PythonFrame]) -> Forks {
    let lies_in = |ends: &[&str]| {
        frames
            .iter()
            .any(|frame| ends.iter().any(|end| frame.file.ends_with(end)))
    };
    if lies_in(&["/concurrent/futures/process.py"]) {
        Forks::Executor
    } else if lies_in(&["/multiprocessing/pool.py"]) {
        Forks::Pool
    } else if lies_in(&["/multiprocessing/popen_fork.py", "/multiprocessing/process.py"]) {
        Forks::Process
    } else if lies_in(&["/pty.py"]) {
        Forks::Terminal
    } else {
        Forks::Itself
    }
}

/// `function (file:line)`.
fn place(frame: &PythonFrame) -> String {
    format!("{} ({}:{})", frame.function, base_name(&frame.file), frame.line)
}
