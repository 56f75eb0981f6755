//! The lines about the locks that were held.
//!
//! Only the advice itself calls this.

use forkwatch_schema::record::{Lock, LockKind};

use super::python::{self, Expression};
use super::{Facts, Language, informative, libc_regions, library, place};
use crate::page::GLUE;
use crate::shorten::quoted;

/// A line for the libraries whose locks were held, and one for the program's own lock.
pub(super) fn about_locks(facts: &Facts<'_>, language: Language) -> Vec<String> {
    // Names of locks, functions and files are the program's, and might contain line breaks. Records have plain spaces.
    lines(facts, language)
        .iter()
        .map(|line| line.replace('\n', "\\n").replace(GLUE, " "))
        .collect()
}

fn lines(facts: &Facts<'_>, language: Language) -> Vec<String> {
    let (mut libraries, mut lines): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
    for lock in facts.locks.iter().filter(|lock| is_for_handlers(lock)) {
        if let Some(name) = informative(&lock.acquired_stack).and_then(library)
            && !(language == Language::Python && is_python_core(name))
            && !libraries.contains(&name)
        {
            libraries.push(name);
        }
    }
    let no_handlers = matches!(facts.function, "_Fork" | "clone" | "syscall");
    if no_handlers && facts.locks.iter().any(is_for_handlers) {
        lines.push(format!(
            "Call fork() instead of {}(): only fork() runs the at-fork handlers with which libc and libraries make \
             their own locks usable in the child (pthread_atfork).",
            facts.function
        ));
    } else if let [first, others @ ..] = libraries.as_slice() {
        let others = match others {
            [] => String::new(),
            [second] => format!(" and {second}"),
            [second, more @ ..] => format!(", {second} and {} more", more.len()),
        };
        lines.push(format!(
            "The maintainers of {first}{others} can fix this there: functions registered with pthread_atfork() run \
             around every fork; they should take the library's lock before the fork and release it afterwards, in \
             parent and child."
        ));
    }
    if let Some(lock) = facts.locks.iter().find(|lock| is_own(lock, language)) {
        lines.push(own_lock(lock, language));
    } else if let Some(lock) = facts.locks.iter().find(|lock| lock.kind == LockKind::StaticGuard) {
        lines.push(format!(
            "Use the local static variable{} once before the first thread starts: another thread was initialising it \
             at the fork.",
            taken_in(lock)
        ));
    } else if libraries.is_empty()
        && let Some(lock) = facts.locks.iter().find(|lock| lock.kind == LockKind::Libc)
    {
        let words = lock.name.as_deref().and_then(libc_regions::words);
        lines.push(match words {
            Some(words) => format!("{} Nobody releases {} in a child.", words.instead, words.called),
            None => format!(
                "At the fork another thread held one of libc's own locks{}: do not call the same libc function in the \
                 child before exec.",
                taken_in(lock)
            ),
        });
    }
    lines
}

/// Whether at-fork handlers can handle the lock.
fn is_for_handlers(lock: &Lock) -> bool {
    !matches!(lock.kind, LockKind::StaticGuard | LockKind::Libc)
}

/// Whether the lock is the program's own and not a library's.
fn is_own(lock: &Lock, language: Language) -> bool {
    let frame = informative(&lock.acquired_stack);
    let library = frame.and_then(library);
    is_for_handlers(lock)
        && match language {
            Language::Python => {
                lock.name.as_deref().and_then(Expression::of).is_some() && library.is_none_or(is_python_core)
            }
            _ => library.is_none() && frame.is_some_and(|frame| frame.module.is_some()),
        }
}

fn own_lock(lock: &Lock, language: Language) -> String {
    let python = || Expression::of(lock.name.as_deref()?);
    match (language, python()) {
        (Language::Python, Some(expression)) => {
            python::about_lock(&expression, python::minor_version(&lock.acquired_stack))
        }
        (Language::Rust, _) => format!(
            "If the fork must stay, take the lock{} in the forking thread just before the fork and release it \
             afterwards, in parent and child, so that no other thread holds it.",
            named(lock, ",")
        ),
        (Language::Native | Language::Python, _) => format!(
            "If the fork must stay, call pthread_atfork(lock, unlock, unlock) once for the lock{}: lock() takes it \
             before every fork and unlock() releases it afterwards, in parent and child, so that no other thread \
             holds it.",
            named(lock, "")
        ),
    }
}

/// What follows "the lock": its name, if it has one, and the function that took it. `end` closes the clause where the sentence goes on.
fn named(lock: &Lock, end: &str) -> String {
    let taken_in = taken_in(lock);
    match &lock.name {
        Some(name) if taken_in.is_empty() => format!(" {}", quoted(name)),
        Some(name) => format!(" {}, taken{taken_in}{end}", quoted(name)),
        None => taken_in,
    }
}

fn taken_in(lock: &Lock) -> String {
    match informative(&lock.acquired_stack).filter(|frame| frame.symbol.is_some() || frame.file.is_some()) {
        Some(frame) => format!(" in {}", place(frame)),
        None => String::new(),
    }
}

fn is_python_core(library: &str) -> bool {
    ["libpython", "_thread", "_queue"]
        .iter()
        .any(|name| library.starts_with(name))
}
