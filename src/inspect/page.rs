//! What `forkwatch inspect` prints: the verdict, the facts that it is based on, the Python stack and the C stack.

use std::fmt::Write;

use forkwatch_schema::record::{Detail, Frame, PythonFrame, Record};
use forkwatch_schema::signals::Power;
use forkwatch_schema::system_calls::name;

use super::facts::{Facts, Parent, Watched};
use super::python::{Lock, Python};
use super::verdict::Verdict;
use crate::proc::{FutexWait, Process, SystemCall};
use crate::stack::{described, waiting_function};

/// Frames of a recorded stack that are quoted.
const QUOTED_FRAMES: usize = 4;

/// The whole answer.
pub fn render(facts: &Facts, verdict: &Verdict) -> String {
    let mut page = format!("{}\n\n", headline(facts, verdict));
    fact(&mut page, "Process", &process(facts));
    if let Some(lock) = facts.python.as_ref().and_then(|python| python.lock.as_ref()) {
        fact(&mut page, "Lock", &lock.name);
        fact(&mut page, "Held by", &owner(lock));
    } else if let Some(variable) = &facts.variable {
        fact(&mut page, "Variable", variable);
    }
    fact(&mut page, "Waits in", &wait(facts));
    fact(&mut page, "Parent", &parent(facts));
    fact(&mut page, "Library", &library(facts));
    if let Watched::Logged(_, records) = &facts.watched {
        for record in records {
            quote(&mut page, record);
        }
    }
    if let Some(python) = &facts.python {
        python_stack(&mut page, python);
    }
    stack(&mut page, facts);
    page
}

fn headline(facts: &Facts, verdict: &Verdict) -> String {
    let alone = "its only thread waits, without a time-out, for something that only another thread of the process \
                 could do";
    match verdict {
        Verdict::Stuck => format!("looks like a stuck forked child: {alone}"),
        Verdict::Proved => format!("is a stuck forked child, as the library reported: {alone}"),
        Verdict::AwaitsSignal => format!("may be stuck, or may wait for a signal that it handles: {alone}"),
        Verdict::StuckAlone => format!("looks stuck, but not because of a fork: {alone}"),
        Verdict::Threads(count) => format!("does not look stuck: it has {count} threads"),
        Verdict::Runs => "does not look stuck: it is running".into(),
        Verdict::Stopped => "does not look stuck: it was stopped, by a signal or a debugger".into(),
        Verdict::Ended => "is not stuck: it has ended, and its parent has not waited for it yet".into(),
        Verdict::Timeout => "does not look stuck: it waits with a time-out".into(),
        Verdict::Shared => "does not look stuck: it waits for something that another process may do".into(),
        Verdict::Futex => "no verdict: it waits for several futexes, or in an unusual way".into(),
        Verdict::Call(number) => format!("does not look stuck: it waits in {}, not for a lock", name(*number)),
        Verdict::Kernel => "does not look stuck: it waits in the kernel, but not in a system call".into(),
        Verdict::Unknown => {
            let futex = facts
                .kernel_function
                .as_ref()
                .filter(|function| function.starts_with("futex_"));
            match futex {
                Some(_) => "may be stuck: its only thread waits for a lock, perhaps with a time-out".into(),
                None => "no verdict: the kernel does not show what it is waiting for".into(),
            }
        }
    }
}

fn fact(page: &mut String, key: &str, value: &str) {
    let _ = writeln!(page, "{:<10}{value}", format!("{key}:"));
}

fn process(facts: &Facts) -> String {
    let program = facts
        .program
        .as_ref()
        .map_or_else(String::new, |path| format!(" {}", path.display()));
    let origin = if facts.stat.is_forked {
        "forked, and has not called exec since"
    } else {
        "has called exec"
    };
    let Process(pid) = facts.process;
    format!(
        "{pid} \"{}\"{program}, {}; {origin}",
        facts.stat.name,
        threads(facts.stat.threads)
    )
}

fn threads(count: usize) -> String {
    match count {
        1 => "1 thread".into(),
        _ => format!("{count} threads"),
    }
}

fn wait(facts: &Facts) -> String {
    let state = || match facts.stat.state {
        'R' => "is running",
        'S' => "is sleeping",
        'D' => "is in uninterruptible sleep",
        'T' | 't' => "is stopped",
        'Z' | 'X' => "has ended",
        'I' => "is idle",
        _ => "is in an unknown state",
    };
    let call = match &facts.call {
        Ok(call) => call,
        Err(error) => {
            let function = facts.kernel_function.as_ref();
            let known = function.map_or_else(
                || format!("it {}", state()),
                |function| format!("the kernel's {function}"),
            );
            return format!("{known}; cannot read the system call: {error}");
        }
    };
    let whose = if facts.stat.threads > 1 {
        " (the first thread)"
    } else {
        ""
    };
    match *call {
        SystemCall::Running => format!("nothing: it is running{whose}"),
        SystemCall::None => format!("no system call: it {}{whose}", state()),
        SystemCall::Waiting { number, .. } => {
            let function = waiting_function(facts.stack_or_nothing());
            let function = function.filter(|function| *function != name(number));
            let function = function.map_or_else(String::new, |function| format!("{function}: "));
            let Some(futex) = FutexWait::of(call) else {
                return format!("{function}{}{whose}", name(number));
            };
            let scope = if futex.is_private {
                "private"
            } else {
                "shared between processes"
            };
            let end = if futex.has_timeout {
                "with a time-out"
            } else {
                "without a time-out"
            };
            let mut text = format!("{function}futex at {:#x}, {scope}, {end}{whose}", futex.address);
            if futex.is_for_ever() {
                text.push_str(match facts.power_of_signals() {
                    Power::Nothing => "",
                    Power::Leave | Power::End => "; only a signal handler could still end the wait",
                });
            }
            text
        }
    }
}

fn parent(facts: &Facts) -> String {
    let Some(parent) = &facts.parent else {
        return "not visible".into();
    };
    let Parent {
        process: Process(pid),
        stat,
        has_same_program,
    } = parent;
    let what = format!("{pid} \"{}\" with {}", stat.name, threads(stat.threads));
    match (*has_same_program, facts.stat.is_forked) {
        (true, true) => format!("{what}, the same program"),
        (true, false) => format!("{what}, the same program, executed again"),
        (false, true) => {
            format!("{what}, another program: the process that forked it has ended, or has executed another program")
        }
        (false, false) => format!("{what}, another program"),
    }
}

fn library(facts: &Facts) -> String {
    match &facts.watched {
        Watched::Unknown => "cannot read whether libforkwatch.so is loaded".into(),
        Watched::No => "libforkwatch.so is not loaded; under `forkwatch run`, it would have named the lock and its \
                        owner"
            .into(),
        Watched::Impossible(what) => format!("libforkwatch.so cannot be loaded: the program is {what}"),
        Watched::Unlogged => "libforkwatch.so is loaded, but writes no records to a file (see FORKWATCH_LOG)".into(),
        Watched::Logged(path, records) if records.is_empty() => {
            format!(
                "libforkwatch.so is loaded, but {} has nothing about this process",
                path.display()
            )
        }
        Watched::Logged(path, _) => format!("libforkwatch.so is loaded, and wrote to {}:", path.display()),
    }
}

/// A record in a few lines.
fn quote(page: &mut String, record: &Record) {
    let severity = record.severity.name();
    let _ = writeln!(page, "  {severity} {}: {}", record.kind.name(), record.message);
    let locks = match &record.detail {
        Detail::UnsafeFork(fork) => fork.locks.as_slice(),
        Detail::OrphanedLock(orphan) => std::slice::from_ref(&orphan.lock),
        _ => &[],
    };
    for lock in locks {
        let name = lock.name.as_deref().unwrap_or(&lock.address);
        let owner = lock.owner.as_deref().unwrap_or("an unknown thread");
        let _ = writeln!(
            page,
            "    {} {name}, held by \"{owner}\" of the parent, taken at:",
            lock.kind.name()
        );
        frames(page, 6, &lock.acquired_stack, QUOTED_FRAMES);
    }
}

/// Who holds a lock of Python code.
fn owner(lock: &Lock) -> String {
    let Some(owner) = &lock.owner else {
        return "a thread that the parent had at the fork; which one is no longer known".into();
    };
    let thread = match &owner.thread {
        Some(name) => format!("thread \"{name}\" of the parent"),
        None => "an unnamed thread of the parent".into(),
    };
    match (&owner.taken_in, owner.is_seen_in_parent) {
        (Some(PythonFrame { file, line, function }), _) => format!("{thread}, which is in {function} at {file}:{line}"),
        (None, true) => thread,
        (None, false) => format!("{thread}, according to the lock"),
    }
}

fn python_stack(page: &mut String, python: &Python) {
    let thread = python.thread.as_ref();
    let thread = thread.map_or_else(String::new, |name| format!(" of thread \"{name}\""));
    let _ = writeln!(page, "\nPython stack{thread}:");
    for (number, PythonFrame { file, line, function }) in python.frames.iter().enumerate() {
        let _ = writeln!(page, "  #{number:<2} {function} at {file}:{line}");
    }
}

fn stack(page: &mut String, facts: &Facts) {
    match &facts.stack {
        Ok(stack) if stack.is_empty() => {}
        Ok(stack) => match &facts.python {
            Some(python) => c_stack(page, stack, &python.interpreter),
            None => {
                page.push_str("\nStack:\n");
                frames(page, 2, stack, usize::MAX);
            }
        },
        Err(error) => {
            let Process(pid) = facts.process;
            let _ = writeln!(
                page,
                "\nStack: cannot be read: {error}; try a debugger: gdb -p {pid} -batch -ex bt"
            );
        }
    }
}

/// The C stack down to the interpreter's first frame; the Python stack, printed before, shows the rest.
fn c_stack(page: &mut String, stack: &[Frame], interpreter: &str) {
    page.push_str("\nC stack:\n");
    let is_of_interpreter = |frame: &Frame| frame.module.as_deref() == Some(interpreter);
    let first = stack.iter().position(is_of_interpreter);
    let most = first.map_or(usize::MAX, |first| first + 1);
    frames(page, 2, stack.get(..most).unwrap_or(stack), usize::MAX);
    if most < stack.len() {
        let _ = writeln!(page, "  ... {} more of the interpreter", stack.len() - most);
    }
}

fn frames(page: &mut String, indent: usize, stack: &[Frame], most: usize) {
    for (number, frame) in stack.iter().enumerate().take(most) {
        let _ = writeln!(page, "{:indent$}#{number:<2} {}", "", described(frame));
    }
    if stack.len() > most {
        let _ = writeln!(page, "{:indent$}... {} more", "", stack.len() - most);
    }
}
