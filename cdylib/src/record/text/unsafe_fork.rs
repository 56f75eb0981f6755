//! The text of `unsafe_fork`: a process with several threads forked.

use forkwatch_schema::record::{Lock, LockKind, Record, UnsafeFork};

use super::page::Page;
use super::shorten::{count, quoted};
use super::{frames, lock, threads};

/// Locks that are told before the rest is only counted.
const MOST_LOCKS: usize = 8;

/// `fork() in thread "main" (pid 4242) while thread "keeper" holds a mutex`.
pub fn headline(record: &Record, detail: &UnsafeFork) -> String {
    let call = format!(
        "{}() in thread {} (pid {})",
        detail.fork.function,
        quoted(&record.thread),
        record.pid
    );
    format!("{call} while {}", situation(record, detail))
}

/// The whole text.
pub fn write(page: &mut Page<'_>, record: &Record, detail: &UnsafeFork, stopped: Option<&str>) {
    page.title(record);
    if let Some(option) = stopped {
        page.sentences(
            0,
            &format!("The fork was stopped before there was a child, as {option} asks for."),
        );
    }
    write_fork(page, record, detail, stopped.is_some());
    threads::write(page, &detail.threads, &detail.locks);
    write_locks(page, record, detail);
    page.gap();
    page.heading("Why this can hang:", "");
    for sentence in reasons(detail) {
        page.sentences(2, sentence);
    }
    page.ending(record, &detail.advice);
}

/// Who does what meanwhile.
fn situation(record: &Record, detail: &UnsafeFork) -> String {
    // A thread that nobody named bears the name of the one that made it: the reader must not take the two for one.
    let is_namesake = |name: &str| name == record.thread && !name.is_empty();
    let Some(first) = detail.locks.first() else {
        return match detail.threads.as_slice() {
            [thread] if is_namesake(&thread.name) => {
                format!("another thread called {} is alive", quoted(&thread.name))
            }
            [thread] => format!("thread {} is alive", quoted(&thread.name)),
            threads => format!("{} are alive", count(threads.len(), "other thread", "other threads")),
        };
    };
    let owner = match &first.owner {
        Some(name) if is_namesake(name) => format!("another thread called {}", quoted(name)),
        _ => lock::owner_in_words(first),
    };
    let one_owner = detail.locks.iter().all(|lock| lock.owner_tid == first.owner_tid);
    if detail.locks.len() == 1 {
        format!("{owner} holds {}", lock::as_held(first))
    } else if one_owner && first.owner_tid.is_some() {
        format!("{owner} holds {} locks", detail.locks.len())
    } else {
        format!("other threads hold {} locks", detail.locks.len())
    }
}

fn write_fork(page: &mut Page<'_>, record: &Record, detail: &UnsafeFork, stopped: bool) {
    let fork = &detail.fork;
    let child = match fork.child_pid {
        Some(pid) if !stopped => format!(", child pid {pid}"),
        _ => String::new(),
    };
    page.gap();
    let program = super::shorten::path(&record.exe, page.style);
    let verb = if stopped { "asked for" } else { "called" };
    let about = format!(
        "{verb} by thread {} (tid {}) of {program}{child}",
        quoted(&record.thread),
        record.tid
    );
    page.heading(&format!("{}() ", fork.function), &about);
    frames::write(page, 2, fork.python_stack.as_deref(), &fork.stack);
    if fork.exec_bound {
        page.sentences(2, "The caller is known to do nothing but exec in the child.");
    }
}

fn write_locks(page: &mut Page<'_>, record: &Record, detail: &UnsafeFork) {
    let total = detail.locks.len();
    for (number, lock) in detail.locks.iter().enumerate().take(MOST_LOCKS) {
        page.gap();
        let label = if total == 1 {
            String::from("Lock")
        } else {
            format!("Lock {} of {total}", number + 1)
        };
        lock::write(page, &label, lock, &detail.threads, record);
    }
    let untold = total.saturating_sub(MOST_LOCKS);
    if untold > 0 {
        page.plain(0, &format!("... and {}", count(untold, "more lock", "more locks")));
    }
}

/// Why it can hang, for somebody who has never met it.
fn reasons(detail: &UnsafeFork) -> Vec<&'static str> {
    if detail.locks.is_empty() {
        return vec![
            "The child gets a copy of every lock, but only the thread that called fork. No lock was seen held here, but \
             libraries and libc have locks that nobody can see. One that another thread holds at that moment stays locked \
             in the child for ever, and the child hangs as soon as it needs it.",
        ];
    }
    let mut reasons = vec![
        "The child gets a copy of every lock, but only the thread that called fork. A lock that another thread holds at \
         that moment stays locked in the child for ever, and the child hangs as soon as it needs it.",
    ];
    let only = |kind: LockKind| detail.locks.iter().all(|lock: &Lock| lock.kind == kind);
    if only(LockKind::Spinlock) {
        reasons.push("It then spins, with a processor fully busy.");
    } else if only(LockKind::RwlockRead) {
        reasons.push("Readers in the child may still get in; whoever wants to write waits for ever.");
    }
    reasons
}
