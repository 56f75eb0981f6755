//! The line about a fork of Python code: which call to change, and into what.
//!
//! Only the advice itself calls this.

use forkwatch_schema::path::base_name;
use forkwatch_schema::record::{Frame, Lock, PythonFrame};
use forkwatch_schema::users_frame;
use glob::Pattern;

/// What forks, according to the innermost frames.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Forks {
    Executor,
    Pool,
    Process,
    Terminal,
    Itself,
}

/// The advice for a fork of Python code that is not known.
const START_METHOD: &str = "With multiprocessing or ProcessPoolExecutor, call multiprocessing.set_start_method(\"spawn\") (or \
                            \"forkserver\") at the start of the program, before the first thread starts; instead of \
                            os.fork(), start other programs with subprocess.";

/// What to do about the fork that made the child with these frames, if they are known: they end with those that forked.
pub(super) fn about_fork_of_child(frames: Option<&[PythonFrame]>) -> String {
    let whole = frames.filter(|frames| frames.last().is_some_and(|last| last.function == "<module>"));
    match whole.map(what_forks) {
        None => START_METHOD.into(),
        Some(Forks::Executor | Forks::Pool | Forks::Process) => {
            "Call multiprocessing.set_start_method(\"spawn\") (or \"forkserver\") at the start of the program, before the first \
             thread starts; workers are then not copies of this process."
                .into()
        }
        Some(Forks::Terminal | Forks::Itself) => {
            "Fork before the first thread starts, or start another program with subprocess instead of forking.".into()
        }
    }
}

/// What to do about the fork that these frames, innermost first, have called.
pub(super) fn about_fork(frames: Option<&[PythonFrame]>) -> String {
    let Some((frames, user)) = frames.and_then(|frames| Some((frames, users_frame::of_python(frames)?))) else {
        return START_METHOD.into();
    };
    let forks = what_forks(frames);
    if matches!(forks, Forks::Terminal | Forks::Itself) && !users_frame::is_users_own(user) {
        // No line of the user's is known, and a library's cannot be changed.
        return "Start other programs with subprocess, or processes with multiprocessing.get_context(\"spawn\"), before the \
                first thread starts; the fork itself is a library's."
            .into();
    }
    let place = place(user);
    match forks {
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
    }
}

/// A lock in a line of Python where the lock is created.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expression {
    /// `self.door`.
    code: String,
    /// ` in Vault`, the class or the module that creates it; empty where the name does not say it.
    place: String,
}

impl Expression {
    /// What to write for the lock of a name such as `Vault.door of bank.vault`, `Vault.door in bank`, `bank.door` or
    /// `door in keep_open (bank.py)`; `None` where no line can name it.
    pub(super) fn of(name: &str) -> Option<Self> {
        let (code, place) = match name.split_once(" of ").or_else(|| name.split_once(" in ")) {
            // A variable of a function.
            Some((code, function)) if function.ends_with(')') => (code.to_owned(), String::new()),
            Some((way, _)) => {
                let (class, attribute) = way.split_once('.')?;
                (format!("self.{attribute}"), format!(" in {class}"))
            }
            None => match name.rsplit_once('.') {
                // Records of before.
                Some(("self", _)) => (name.to_owned(), String::new()),
                Some((owner, variable)) => (variable.to_owned(), format!(" in {owner}")),
                None => (name.to_owned(), String::new()),
            },
        };
        // Elements of containers have no name to write.
        let is_written = |character: char| !matches!(character, '[' | ']');
        let is_word =
            |word: &str| !word.is_empty() && word.chars().all(|letter| letter == '_' || letter.is_alphanumeric());
        let is_expression = code.split('.').all(is_word) && place.chars().all(is_written);
        is_expression.then_some(Self { code, place })
    }
}

/// How to keep this lock from hanging the child. `minor` is the 12 of Python 3.12.
pub(super) fn about_lock(lock: &Expression, minor: Option<u32>) -> String {
    /// The first versions with `os.register_at_fork`, and with a method that makes a lock anew.
    const REGISTER: u32 = 7;
    const REINITIALISE: u32 = 9;
    let Expression { code: name, place } = lock;
    let what = match minor {
        Some(..REGISTER) => format!("assign a new lock to {name} in the child before anything uses it"),
        Some(..REINITIALISE) => format!(
            "pass os.register_at_fork(after_in_child=...) a function that assigns a new lock to {name}, once, where {name} is \
             created{place}"
        ),
        _ => format!(
            "call os.register_at_fork(after_in_child={name}._at_fork_reinit) once, where {name} is created{place}: each child then \
             makes the lock anew"
        ),
    };
    format!("If the fork must stay, {what}. What the lock protects may be half changed in the child.")
}

/// The 12 of Python 3.12, by the name of the interpreter's program or library in a stack.
pub(super) fn minor_version(stack: &[Frame]) -> Option<u32> {
    stack.iter().find_map(|frame| {
        let (_, version) = base_name(frame.module.as_deref()?).split_once("python3.")?;
        let end = version.find(|letter: char| !letter.is_ascii_digit());
        version.get(..end.unwrap_or(version.len()))?.parse().ok()
    })
}

/// The glob for a thread of this name. Python numbers threads without a name, so that only the function in the name tells one from
/// another (since 3.10: `Thread-1 (beat)`); none where there is none, or one that says nothing.
pub(super) fn glob_of_thread(name: &str) -> Option<String> {
    const NUMBERED: [&str; 3] = ["Thread-", "Dummy-", "ThreadPoolExecutor-"];
    let Some((start, rest)) = NUMBERED
        .iter()
        .find_map(|start| Some((start, name.strip_prefix(start)?)))
    else {
        return Some(Pattern::escape(name));
    };
    let rest = rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '_');
    match rest {
        "" => None,
        // Strangers' threads run functions of this name, too.
        " (<lambda>)" | " (run)" | " (main)" | " (worker)" => None,
        _ if rest.starts_with(" (") => Some(format!("{start}*{}", Pattern::escape(rest))),
        _ => Some(Pattern::escape(name)),
    }
}

/// A line for the locks of logging handlers, which programs use without having created them.
pub(super) fn about_logging(locks: &[Lock]) -> Option<String> {
    let of_logging = |lock: &&Lock| {
        let name = lock.name.as_deref().unwrap_or_default();
        name.starts_with("logging.") || name.ends_with(" in logging") || name.contains("Handler.")
    };
    locks.iter().find(of_logging).map(|_| {
        "Configure logging again in the child, or only after the fork: another thread was writing a log line, and the \
         child has a copy of its handler's lock."
            .to_owned()
    })
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
