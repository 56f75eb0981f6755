//! The sections of locks: which, who holds it, where it was taken, who waits for it.

use forkwatch_schema::record::{Lock, LockKind, Record, Thread};

use super::lock::{MAX_NAMED, holder, purpose, which};
use super::page::{GLUE, Page};
use super::shorten::quoted;
use super::words::count_of;
use super::{frames, noise, threads as others};

/// The section of the lock of a thread that has ended.
pub fn write_leaked(page: &mut Page<'_>, lock: &Lock, record: &Record) {
    page.heading(
        "Lock: ",
        &format!(
            "{}, still held{} by {} at its end",
            which(lock),
            purpose(lock.kind),
            holder(lock)
        ),
    );
    write_stack_and_waiters(page, lock, &[], record);
}

/// The section of a lock that a thread of the parent held at the fork.
pub fn write_orphaned(page: &mut Page<'_>, lock: &Lock, record: &Record) {
    let held = match lock.kind {
        LockKind::StaticGuard => "being initialised",
        _ => "held",
    };
    page.heading(
        "Lock: ",
        &format!(
            "{}, {held}{} at the fork by {}",
            which(lock),
            purpose(lock.kind),
            holder(lock)
        ),
    );
    write_stack_and_waiters(page, lock, &[], record);
}

/// The section of a lock that was free at the fork, and that a thread of the parent takes, too.
pub fn write_also_taken(page: &mut Page<'_>, lock: &Lock, record: &Record) {
    page.heading(
        "Lock: ",
        &format!(
            "{}, free at the fork, also taken{} by {}",
            which(lock),
            purpose(lock.kind),
            holder(lock)
        ),
    );
    write_stack_and_waiters(page, lock, &[], record);
}

/// The section of a lock. `label` is `Lock` or `Lock 1 of 2`; `threads` are those alive.
pub fn write(page: &mut Page<'_>, label: &str, lock: &Lock, threads: &[Thread], record: &Record) {
    let anew = if lock.made_anew { ", made anew in the child" } else { "" };
    page.heading(
        &format!("{label}: "),
        &format!("{}, held{} by {}{anew}", which(lock), purpose(lock.kind), holder(lock)),
    );
    write_stack_and_waiters(page, lock, threads, record);
}

fn write_stack_and_waiters(page: &mut Page<'_>, lock: &Lock, threads: &[Thread], record: &Record) {
    // A name says more than the place.
    let made = lock.created_stack.as_deref().filter(|_| lock.name.is_none());
    if let Some(place) = made.and_then(|made| frames::place(None, made, page.style)) {
        page.sentences(2, &format!("made in {place}"));
    }
    let is_pythons = !lock.acquired_stack.is_empty() && noise::is_interpreters_alone(&lock.acquired_stack);
    if let Some(python) = lock.acquired_python_stack.as_deref().filter(|stack| !stack.is_empty()) {
        page.plain(2, "taken at:");
        frames::write(page, 4, Some(python), &lock.acquired_stack);
    } else if lock.is_known_by_python_alone() || is_pythons && lock.name.is_some() {
        // Its name already says where it was taken.
    } else if lock.acquired_stack.is_empty() {
        page.plain(2, "taken before forkwatch was watching");
    } else {
        let how = match lock.kind {
            LockKind::Libc => "taken by the call",
            LockKind::StaticGuard => "initialised",
            _ => "taken",
        };
        frames::write_under(page, 2, how, &lock.acquired_stack);
    }
    if let Some(owner) = threads.iter().find(|thread| Some(thread.tid) == lock.owner_tid) {
        page.sentences(
            2,
            &format!("the holder is now {}", others::doing(owner, &[], page.style)),
        );
    }
    if !lock.waiters.is_empty() {
        let named: Vec<String> = lock
            .waiters
            .iter()
            .take(MAX_NAMED)
            .map(|tid| waiter(*tid, threads, record))
            .collect();
        let more = match lock.waiters.len().saturating_sub(MAX_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let who = count_of(lock.waiters.len(), "thread waits", "threads wait");
        page.sentences(2, &format!("{who} for it: {}{more}", named.join(", ")));
    }
}

fn waiter(tid: i32, threads: &[Thread], record: &Record) -> String {
    let name = threads
        .iter()
        .find(|thread| thread.tid == tid)
        .map(|thread| thread.name.as_str());
    match name.or_else(|| (tid == record.tid).then_some(record.thread.as_str())) {
        Some(name) => format!("{}{GLUE}(tid{GLUE}{tid})", quoted(name)),
        None => format!("tid {tid}"),
    }
}
