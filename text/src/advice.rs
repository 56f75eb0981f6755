//! What to change: one to three lines for this program, for readers new to the subject.
//!
//! The first line is about the fork, the next about the locks. Without a lock, the last says how to suppress a thread that is
//! known to be harmless.

pub mod child;
mod frameworks;
pub mod libc_regions;
mod locks;
mod python;

use forkwatch_schema::record::{Frame, Lock, PythonFrame, Thread};
use glob::Pattern;

use self::locks::about_locks;
use crate::noise;
use forkwatch_schema::path::base_name;

/// What is known of a fork.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The native stack of the caller, innermost first.
    pub stack: &'a [Frame],
    /// The caller's Python stack, innermost first; none where it is not known.
    pub python: Option<&'a [PythonFrame]>,
    /// The other threads.
    pub threads: &'a [Thread],
    /// The locks that they hold.
    pub locks: &'a [Lock],
    /// The function called, such as `fork` or `daemon`.
    pub function: &'a str,
    /// The command line; no word of it is repeated in the advice.
    pub argv: Option<&'a [String]>,
    /// Whether CPython is in the process.
    pub is_python: bool,
}

/// What the first line is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Python,
    Rust,
    Native,
}

/// Most lines of advice.
const MAX_LINES: usize = 3;

/// The advice for a fork; at least one line.
pub fn for_fork(facts: &Facts<'_>) -> Vec<String> {
    let language = language(facts);
    let mut lines = vec![about_fork(facts, language)];
    lines.extend(server(facts));
    if language == Language::Python {
        lines.extend(python::about_logging(facts.locks));
    }
    lines.extend(about_locks(facts, language));
    if facts.locks.is_empty() {
        lines.extend(how_to_suppress(facts));
    }
    lines.truncate(MAX_LINES);
    lines
}

/// The advice for a `leaked_lock`.
pub fn for_leaked_lock() -> String {
    "Release the lock on every path out of the thread's function: early returns, exceptions, pthread_exit and \
     cancellation. A guard object (std::lock_guard) or pthread_cleanup_push does this automatically."
        .into()
}

fn language(facts: &Facts<'_>) -> Language {
    // A library's own code may fork in a program that runs Python.
    let is_interpreters = facts.stack.first().is_none_or(noise::is_interpreters);
    if facts.is_python && is_interpreters {
        Language::Python
    } else if is_rust(facts.stack) {
        Language::Rust
    } else {
        Language::Native
    }
}

/// Whether the code that forks is Rust: marks of it in the module that calls `fork`.
fn is_rust(stack: &[Frame]) -> bool {
    let Some(first) = stack.first() else { return false };
    let own = stack.iter().filter(|frame| frame.module == first.module);
    own.into_iter().any(|frame| {
        let symbol = frame.symbol.as_deref().unwrap_or_default();
        let marks = [
            "__rust_begin_short_backtrace",
            "std::rt::lang_start",
            "core::ops::function::",
            "as core::ops::",
        ];
        marks.iter().any(|mark| symbol.contains(mark))
            || frame.file.as_deref().is_some_and(|file| file.ends_with(".rs"))
    })
}

fn about_fork(facts: &Facts<'_>, language: Language) -> String {
    if let Some(advice) = frameworks::advice(facts.python, facts.stack, facts.argv) {
        return advice.into();
    }
    let before = before_first_thread(facts.threads);
    match (facts.function, language) {
        ("daemon", _) => {
            format!("Call daemon() {before}: it forks, and only the calling thread continues in the background.")
        }
        ("forkpty", Language::Python) => {
            "Start the program behind the terminal with subprocess and a pair from os.openpty(), not with pty.fork() or \
             pty.spawn(), which copy the process while its other threads run."
                .into()
        }
        (_, Language::Python) => python::about_fork(facts.python),
        (_, Language::Rust) => format!(
            "Start other programs with std::process::Command, or fork {}.",
            before_or(facts.threads, "before the first std::thread::spawn")
        ),
        (_, Language::Native) => {
            let library = facts.stack.first().and_then(library);
            let caller = library.map_or_else(String::new, |library| format!(" ({library} does this fork)"));
            format!(
                "Start other programs with posix_spawn(), or fork {before}{caller}. Where neither is possible, the \
                 child must call exec or _exit at once, and until then only async-signal-safe functions (no malloc, \
                 no printf, no locks; see man 7 signal-safety)."
            )
        }
    }
}

/// "before the first thread starts", with that thread if its creation was seen.
fn before_first_thread(threads: &[Thread]) -> String {
    before_or(threads, "before the first thread starts")
}

fn before_or(threads: &[Thread], words: &str) -> String {
    let created = threads
        .iter()
        .find_map(|thread| starter(thread.created_stack.as_deref()?).map(|starter| (thread, starter)));
    match created {
        Some((thread, starter)) if thread.name.is_empty() => format!("{words} (one is started by {starter})"),
        Some((thread, starter)) => format!("{words} (\"{}\" is started by {starter})", thread.name),
        None => words.to_owned(),
    }
}

/// What created a thread: a frame with a line, one with a name, or else the library.
fn starter(created: &[Frame]) -> Option<String> {
    let frames = || created.iter().filter(|frame| !noise::is_machinery(frame));
    let named = frames()
        .find(|frame| frame.line.is_some())
        .or_else(|| frames().find(|frame| frame.symbol.is_some()));
    named
        .map(place)
        .or_else(|| frames().find_map(library).map(str::to_owned))
}

/// Servers that fork workers and have an option for it.
fn server(facts: &Facts<'_>) -> Option<String> {
    let argv = facts.argv?;
    // The first line has said so already.
    let is_covered = frameworks::advice(facts.python, facts.stack, facts.argv).is_some();
    let is = |name: &str| argv.iter().take(3).any(|word| base_name(word) == name);
    if is("gunicorn") && !is_covered && argv.iter().any(|word| word == "--preload") {
        return Some(
            "Start gunicorn without --preload, so that each worker starts its own threads after the fork.".into(),
        );
    }
    None
}

/// The line that says how to suppress a harmless thread; none if only a rule for all threads would match it.
fn how_to_suppress(facts: &Facts<'_>) -> Option<String> {
    let first = facts.threads.first()?;
    let glob = glob_for(first, facts)?;
    let more = facts
        .threads
        .iter()
        .any(|thread| glob_for(thread, facts).is_none_or(|other| other != glob));
    let each = if more {
        ", with one such line for each thread"
    } else {
        ""
    };
    Some(format!(
        "If you know that the thread is harmless, add the line thread:{glob} to a file and set FORKWATCH_SUPPRESS to the \
         file's path{each}."
    ))
}

/// What a rule can match a thread by: its name or, if it has none, the function it runs. A name that Python gives any thread, and
/// a function that a language runs every thread with, would suppress strangers.
fn glob_for(thread: &Thread, facts: &Facts<'_>) -> Option<String> {
    const STARTERS: [&str; 8] = [
        "thread_run",
        "pythread_wrapper",
        "execute_native_thread_routine",
        "std::",
        "<std::",
        "core::",
        "boost::",
        "g_thread_proxy",
    ];
    // An unnamed thread has the program's name, like the first one; for a script, the script's name.
    let mut programs = facts
        .argv
        .unwrap_or_default()
        .iter()
        .take(2)
        .map(|word| base_name(word));
    let is_program = thread.name.len() <= 15 && programs.any(|program| program.starts_with(&thread.name));
    let is_unnamed = thread.name.is_empty() || is_program;
    if !is_unnamed {
        return python::glob_of_thread(&thread.name);
    }
    let routine = thread.start_routine.as_deref()?;
    let is_starter = STARTERS.iter().any(|starter| routine.starts_with(starter));
    (!is_starter).then(|| Pattern::escape(routine))
}

/// The most informative frame: the first one outside the internals of a language or of libc, if any.
fn informative(stack: &[Frame]) -> Option<&Frame> {
    stack.iter().find(|frame| !noise::is_machinery(frame))
}

/// The library that contains a frame; none for the program itself.
fn library(frame: &Frame) -> Option<&str> {
    frame
        .module
        .as_deref()
        .map(base_name)
        .filter(|name| name.contains(".so"))
}

/// `function (file:line)`, as much as is known.
fn place(frame: &Frame) -> String {
    let function = frame.symbol.as_deref().unwrap_or("?");
    match (frame.file.as_deref(), frame.line) {
        (Some(file), Some(line)) => format!("{function} ({}:{line})", base_name(file)),
        _ => match (&frame.symbol, frame.module.as_deref()) {
            (None, Some(module)) => format!("{}+{}", base_name(module), frame.offset.as_deref().unwrap_or("?")),
            _ => function.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests;
