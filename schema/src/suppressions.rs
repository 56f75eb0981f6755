//! The suppression rules in force, and what they match.
//!
//! The library checks each finding, the report checks each finding's example. The caller passes in the files' contents;
//! [`crate::suppression_rule`] parses the lines.

use std::fmt::Display;

use crate::kind::Kind;
use crate::path::base_name;
use crate::record::{Detail, Frame, Lock, PythonFrame, Record, Thread};
use crate::suppression_rule::{Rule, Scope, parse};

/// All rules of all files.
#[derive(Clone, Debug, Default)]
pub struct Suppressions {
    /// Rules that suppress whole findings.
    findings: Vec<Rule>,
    threads: Vec<Rule>,
    locks: Vec<Rule>,
}

impl Suppressions {
    /// Reads the files' contents, or notes why one cannot be read. Each problem comes back as one sentence; the other
    /// rules apply.
    pub fn load<Why: Display>(files: impl Iterator<Item = (String, Result<Vec<u8>, Why>)>) -> (Self, Vec<String>) {
        let (mut all, mut problems) = (Self::default(), Vec::new());
        for (path, content) in files {
            let content = match content {
                Ok(content) => content,
                Err(why) => {
                    problems.push(format!("cannot read {path}: {why}; its rules are not used"));
                    continue;
                }
            };
            let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&content);
            let rules = parse(&String::from_utf8_lossy(content), |line, what| {
                problems.push(format!("{path}:{line}: {what}; the line is skipped"));
            });
            for rule in rules {
                match rule.scope {
                    Scope::AnyKind | Scope::OneKind(_) | Scope::Fingerprint => all.findings.push(rule),
                    Scope::Thread => all.threads.push(rule),
                    Scope::Lock => all.locks.push(rule),
                }
            }
        }
        (all, problems)
    }

    /// Whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty() && self.threads.is_empty() && self.locks.is_empty()
    }

    /// Whether any rule is about threads; if not, their names are not needed.
    pub fn has_thread_rules(&self) -> bool {
        !self.threads.is_empty()
    }

    /// Whether a thread counts neither as alive nor as a holder of locks.
    pub fn thread_is_harmless(&self, name: &str, start_routine: Option<&str>, library_base_name: Option<&str>) -> bool {
        self.threads.iter().any(|rule| {
            rule.matches(name)
                || start_routine.is_some_and(|symbol| matches_symbol(rule, symbol))
                || library_base_name.is_some_and(|library| rule.matches(library))
        })
    }

    /// Whether a lock counts as free.
    pub fn lock_is_harmless(&self, name: Option<&str>, id: Option<&str>, acquired: &[Frame]) -> bool {
        self.locks.iter().any(|rule| {
            [name, id].into_iter().flatten().any(|word| rule.matches(word))
                || acquired.iter().any(|frame| matches_frame(rule, frame))
        })
    }

    /// Whether a finding is suppressed: counted, but not reported. Call it before lists are cut to fit into a line.
    pub fn suppresses(&self, record: &Record) -> bool {
        self.findings.iter().any(|rule| {
            // A summary counts what rules suppressed, an outcome says what became of a finding: only a rule for its own kind
            // suppresses it.
            let reaches = if matches!(record.kind, Kind::Summary | Kind::ForkOutcome) {
                rule.scope == Scope::OneKind(record.kind)
            } else {
                rule.suppresses(record.kind)
            };
            let is_this_one = || rule.scope == Scope::Fingerprint && rule.matches(&record.fingerprint);
            is_this_one() || reaches && (rule.matches(&record.thread) || matches_detail(rule, &record.detail))
        })
    }
}

fn matches_detail(rule: &Rule, detail: &Detail) -> bool {
    match detail {
        Detail::UnsafeFork(finding) => {
            matches_place(rule, &finding.fork.stack, finding.fork.python_stack.as_deref())
                || finding.threads.iter().any(|thread| matches_thread(rule, thread))
                || finding.locks.iter().any(|lock| matches_lock(rule, lock))
        }
        Detail::OrphanedLock(finding) => {
            matches_symbol(rule, &finding.call)
                || matches_place(rule, &finding.stack, finding.python_stack.as_deref())
                || matches_lock(rule, &finding.lock)
        }
        Detail::PossibleDeadlock(finding) => {
            matches_symbol(rule, &finding.call)
                || matches_place(rule, &finding.stack, finding.python_stack.as_deref())
                || matches_lock(rule, &finding.lock)
        }
        Detail::SharedDescriptor(finding) => {
            matches_symbol(rule, &finding.call)
                || matches_place(rule, &finding.stack, finding.python_stack.as_deref())
                || finding.threads.iter().any(|thread| matches_thread(rule, thread))
        }
        Detail::StuckChild(finding) => {
            matches_symbol(rule, &finding.call)
                || matches_place(rule, &finding.stack, finding.python_stack.as_deref())
                || finding.name.as_deref().is_some_and(|name| rule.matches(name))
        }
        Detail::Call(finding) => {
            matches_symbol(rule, &finding.call)
                || finding
                    .library
                    .as_deref()
                    .is_some_and(|library| rule.matches(base_name(library)))
                || matches_place(rule, &finding.stack, finding.python_stack.as_deref())
        }
        Detail::LeakedLock(finding) => matches_lock(rule, &finding.lock),
        Detail::SlowHandler(finding) => {
            let library = finding.library.as_deref();
            library.is_some_and(|library| rule.matches(base_name(library)))
                || finding
                    .waits
                    .as_ref()
                    .is_some_and(|waits| matches_stack(rule, &waits.stack))
        }
        Detail::ForkOutcome(_) | Detail::Summary(_) => false,
    }
}

fn matches_thread(rule: &Rule, thread: &Thread) -> bool {
    rule.matches(&thread.name)
        || thread
            .start_routine
            .as_deref()
            .is_some_and(|symbol| matches_symbol(rule, symbol))
        || thread
            .created_stack
            .as_deref()
            .is_some_and(|stack| matches_stack(rule, stack))
        || thread.stack.as_deref().is_some_and(|stack| matches_stack(rule, stack))
        || matches_python(rule, thread.python_stack.as_deref())
}

fn matches_lock(rule: &Rule, lock: &Lock) -> bool {
    lock.name.as_deref().is_some_and(|name| rule.matches(name))
        || lock.owner.as_deref().is_some_and(|owner| rule.matches(owner))
        || matches_place(rule, &lock.acquired_stack, lock.acquired_python_stack.as_deref())
}

fn matches_place(rule: &Rule, stack: &[Frame], python: Option<&[PythonFrame]>) -> bool {
    matches_stack(rule, stack) || matches_python(rule, python)
}

fn matches_python(rule: &Rule, stack: Option<&[PythonFrame]>) -> bool {
    stack.is_some_and(|stack| stack.iter().any(|frame| rule.matches(&frame.function)))
}

fn matches_stack(rule: &Rule, stack: &[Frame]) -> bool {
    stack.iter().any(|frame| matches_frame(rule, frame))
}

fn matches_frame(rule: &Rule, frame: &Frame) -> bool {
    frame
        .module
        .as_deref()
        .is_some_and(|path| rule.matches(base_name(path)))
        || frame
            .symbol
            .as_deref()
            .is_some_and(|symbol| matches_symbol(rule, symbol))
}

fn matches_symbol(rule: &Rule, symbol: &str) -> bool {
    rule.matches(symbol) || without_parameters(symbol).is_some_and(|name| rule.matches(name))
}

/// A C++ function's name without its parameter list; none if it has no such list.
fn without_parameters(symbol: &str) -> Option<&str> {
    let close = symbol.rfind(')')?;
    let behind = symbol.get(close + 1..)?;
    let is_tail = |word: &str| matches!(word, "const" | "volatile" | "&" | "&&" | "noexcept");
    if !behind.split_whitespace().all(is_tail) {
        return None;
    }
    let mut open = 0_usize;
    for (position, bracket) in symbol.get(..=close)?.rmatch_indices(['(', ')']) {
        if bracket == ")" {
            open += 1;
        } else {
            open = open.checked_sub(1)?;
        }
        if open == 0 {
            return symbol.get(..position).filter(|name| !name.is_empty());
        }
    }
    None
}

#[cfg(test)]
mod tests;
