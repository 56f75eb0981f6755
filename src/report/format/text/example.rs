//! The example of a finding in words, as the library's own report puts it but in fewer lines.

use forkwatch_schema::record::{Detail, Lock, Thread, UnsafeFork};

use super::page::{Look, Page};
use super::stack;
use crate::report::finding::Finding;
use crate::report::place;
use crate::report::words::{count, lock_sort, shorten};

const MOST_LOCKS: usize = 4;
const MOST_THREADS: usize = 4;
const LONGEST_NAME: usize = 48;

/// Writes what is known of the finding's kind.
pub fn write(page: &mut Page<'_>, indent: usize, finding: &Finding) {
    let example = &finding.example;
    let Some(detail) = example.detail() else {
        page.line(
            indent,
            &[(Look::Dim, "(this version of forkwatch knows no more of it)")],
        );
        return;
    };
    match detail {
        Detail::UnsafeFork(fork) => unsafe_fork(page, indent, fork, &example.scalars.exe),
        Detail::SlowHandler(handler) => {
            let library = handler.library.as_deref().unwrap_or("a library that is not known");
            let text = format!(
                "{} handler of {library}: {} ms",
                handler.phase.name(),
                handler.milliseconds
            );
            page.line(indent, &[(Look::Plain, &text)]);
        }
        Detail::OrphanedLock(orphan) => called(page, indent, &orphan.call, detail),
        Detail::StuckChild(stuck) => called(page, indent, &stuck.call, detail),
        Detail::Call(call) => called(page, indent, &call.call, detail),
        Detail::LeakedLock(_) | Detail::ForkOutcome(_) | Detail::Summary(_) => {}
    }
    locks(
        page,
        indent,
        place::locks(detail),
        example.unsafe_fork().map_or(&[], |fork| &fork.threads),
    );
}

fn unsafe_fork(page: &mut Page<'_>, indent: usize, fork: &UnsafeFork, exe: &str) {
    let about = format!("called by {exe}");
    page.line(
        indent,
        &[
            (Look::Heading, &format!("{}() ", fork.fork.function)),
            (Look::Plain, &about),
        ],
    );
    stack::write(page, indent + 2, &fork.fork.stack, fork.fork.python_stack.as_deref());
    let holders = |thread: &&Thread| fork.locks.iter().any(|lock| lock.owner_tid == Some(thread.tid));
    let (first, others): (Vec<&Thread>, Vec<&Thread>) = fork.threads.iter().partition(holders);
    for thread in first.iter().chain(&others).take(MOST_THREADS) {
        let native = thread.stack.as_deref().unwrap_or_default();
        let now = match &thread.waiting {
            Some(waiting) => format!("waits in {}", waiting.call),
            None => String::from("runs"),
        };
        let place = place::of_stack(native, thread.python_stack.as_deref())
            .map_or_else(String::new, |place| format!(" at {}", place.in_words()));
        let start = thread.start_routine.as_deref().map_or_else(String::new, |routine| {
            format!(", started with {}", shorten(routine, LONGEST_NAME))
        });
        page.sentences(
            indent,
            &[(Look::Heading, "Thread ")],
            &format!("{} {now}{place}{start}", quoted(&thread.name)),
        );
    }
    if let Some(more @ 1..) = fork.threads.len().checked_sub(MOST_THREADS) {
        page.line(
            indent,
            &[(
                Look::Dim,
                &format!("... and {}", count(more as u64, "more thread", "more threads")),
            )],
        );
    }
}

fn called(page: &mut Page<'_>, indent: usize, call: &str, detail: &Detail) {
    page.line(
        indent,
        &[
            (Look::Heading, &format!("{call} ")),
            (Look::Plain, "called in the child"),
        ],
    );
    if let Some((native, python)) = place::stack(detail) {
        stack::write(page, indent + 2, native, python);
    }
}

fn locks(page: &mut Page<'_>, indent: usize, locks: &[Lock], threads: &[Thread]) {
    for lock in locks.iter().take(MOST_LOCKS) {
        page.sentences(indent, &[(Look::Heading, "Lock: ")], &lock_words(lock));
        if lock.is_known_by_python_alone() {
            // Its name says where it was taken, as far as anybody knows.
        } else if lock.acquired_stack.is_empty() {
            page.line(indent + 2, &[(Look::Dim, "taken before it was watched")]);
        } else {
            stack::write(page, indent + 2, &lock.acquired_stack, None);
        }
        let waiting = lock.waiters.len() as u64;
        if waiting > 0 && !threads.is_empty() {
            let waiting = count(waiting, "thread waits for it", "threads wait for it");
            page.line(indent + 2, &[(Look::Plain, &waiting)]);
        }
    }
    if let Some(more @ 1..) = locks.len().checked_sub(MOST_LOCKS) {
        page.line(
            indent,
            &[(
                Look::Dim,
                &format!("... and {}", count(more as u64, "more lock", "more locks")),
            )],
        );
    }
}

/// `mutex "cache", held by thread "keeper", taken at:`.
fn lock_words(lock: &Lock) -> String {
    let sort = lock_sort(lock.kind);
    let name = lock
        .name
        .as_deref()
        .map_or_else(String::new, |name| format!(" {}", quoted(name)));
    let owner = match (&lock.owner, lock.owner_tid) {
        (Some(name), _) => format!("thread {}", quoted(name)),
        (None, Some(tid)) => format!("thread {tid}"),
        (None, None) => String::from("a thread that could not be told"),
    };
    let taken = if lock.acquired_stack.is_empty() {
        ""
    } else {
        ", taken at:"
    };
    format!("{sort}{name}, held by {owner}{taken}")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", shorten(name, LONGEST_NAME))
}
