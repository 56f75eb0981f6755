//! One lock: which, who holds it, where it was taken, who waits for it.

use forkwatch_schema::record::{Lock, LockKind, Record, Thread};

use super::frames;
use super::noise;
use super::page::{GLUE, Page};
use super::shorten::{count, quoted};
use crate::verdict::advice::libc_regions;

/// Threads named in a list before it is cut.
pub const MOST_NAMED: usize = 8;

/// What a person calls a lock of this sort.
fn sort(lock: &Lock) -> &'static str {
    if is_pythons(lock) {
        return "Python lock";
    }
    match lock.kind {
        LockKind::Mutex => "mutex",
        LockKind::RwlockRead | LockKind::RwlockWrite => "read-write lock",
        LockKind::Spinlock => "spinlock",
        LockKind::Semaphore => "semaphore",
        LockKind::StaticGuard => "guard of a C++ static",
        LockKind::Libc => "lock of libc",
        LockKind::Futex => "lock",
    }
}

/// What it is held for, where there is a choice.
const fn purpose(kind: LockKind) -> &'static str {
    match kind {
        LockKind::RwlockRead => " for reading",
        LockKind::RwlockWrite => " for writing",
        _ => "",
    }
}

fn is_pythons(lock: &Lock) -> bool {
    if lock.is_known_by_python_alone() {
        return true;
    }
    let symbols = lock
        .acquired_stack
        .iter()
        .take(3)
        .filter_map(|frame| frame.symbol.as_deref());
    matches!(lock.kind, LockKind::Semaphore | LockKind::Mutex | LockKind::Futex)
        && symbols.into_iter().any(noise::takes_python_lock)
}

/// The lock in a sentence: `a mutex`, `the mutex "cache_lock"`, `libc's time zone lock (libc:tz)`.
pub fn in_words(lock: &Lock) -> String {
    if let Some(called) = of_libc(lock) {
        return called;
    }
    match &lock.name {
        Some(name) => format!("the {} {}", sort(lock), quoted(name)),
        None => format!("a {}", sort(lock)),
    }
}

/// `libc's time zone lock (libc:tz)`, where it is one of those.
fn of_libc(lock: &Lock) -> Option<String> {
    let name = lock.name.as_deref().filter(|_| lock.kind == LockKind::Libc)?;
    let called = libc_regions::words(name)?.called;
    Some(format!("{called} ({name})"))
}

/// The lock as its holder has it: `a read-write lock for reading`.
pub fn as_held(lock: &Lock) -> String {
    format!("{}{}", in_words(lock), purpose(lock.kind))
}

/// What a thread holds: `2 mutexes and the semaphore "slots"`.
pub fn all_as_held(locks: &[&Lock]) -> String {
    let mut alike: Vec<(String, usize, &Lock)> = Vec::new();
    for lock in locks {
        let words = as_held(lock);
        match alike.iter_mut().find(|(known, ..)| *known == words) {
            Some((_, number, _)) => *number += 1,
            None => alike.push((words, 1, lock)),
        }
    }
    let untold: usize = alike.iter().skip(MOST_NAMED).map(|(_, number, _)| number).sum();
    let told = alike.into_iter().take(MOST_NAMED);
    let mut parts: Vec<String> = told
        .map(|(words, number, lock)| match (number, &lock.name) {
            (1, _) => words,
            // Each is one of a kind, though more than one thread may be on its way through it.
            _ if of_libc(lock).is_some() => words,
            (_, Some(name)) => format!(
                "{number} {} called {}{}",
                plural(sort(lock)),
                quoted(name),
                purpose(lock.kind)
            ),
            (_, None) => format!("{number} {}{}", plural(sort(lock)), purpose(lock.kind)),
        })
        .collect();
    if untold > 0 {
        parts.push(count(untold, "more lock", "more locks"));
    }
    match parts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

fn plural(sort: &str) -> String {
    match sort {
        "mutex" => String::from("mutexes"),
        "guard of a C++ static" => String::from("guards of C++ statics"),
        "lock of libc" => String::from("locks of libc"),
        _ => format!("{sort}s"),
    }
}

/// `thread "keeper"`, as far as it is known.
pub fn owner_in_words(lock: &Lock) -> String {
    match (&lock.owner, lock.owner_tid) {
        (Some(name), _) => format!("thread {}", quoted(name)),
        (None, Some(tid)) => format!("thread {tid}"),
        (None, None) => String::from("another thread"),
    }
}

/// The section of the lock of a thread that has ended.
pub fn write_leaked(page: &mut Page<'_>, lock: &Lock, record: &Record) {
    page.heading(
        "Lock: ",
        &format!(
            "{}, held{} to the end by {}",
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

/// The section of a lock. `label` is `Lock` or `Lock 1 of 2`; `threads` are those alive.
pub fn write(page: &mut Page<'_>, label: &str, lock: &Lock, threads: &[Thread], record: &Record) {
    page.heading(
        &format!("{label}: "),
        &format!("{}, held{} by {}", which(lock), purpose(lock.kind), holder(lock)),
    );
    write_stack_and_waiters(page, lock, threads, record);
}

/// `mutex "cache_lock" at 0x1234`.
fn which(lock: &Lock) -> String {
    if let Some(called) = of_libc(lock) {
        // Its address stands for the lock in records, and is not the lock's own.
        return called;
    }
    let name = lock
        .name
        .as_ref()
        .map_or_else(String::new, |name| format!(" {}", quoted(name)));
    format!("{}{name} at {}", sort(lock), lock.address)
}

/// `thread "keeper" (tid 4243)`, as far as it is known.
fn holder(lock: &Lock) -> String {
    match (&lock.owner, lock.owner_tid) {
        (Some(_), Some(tid)) => format!("{}{GLUE}(tid{GLUE}{tid})", owner_in_words(lock)),
        (None, None) => String::from("a thread that could not be told"),
        _ => owner_in_words(lock),
    }
}

fn write_stack_and_waiters(page: &mut Page<'_>, lock: &Lock, threads: &[Thread], record: &Record) {
    if lock.is_known_by_python_alone() {
        // Its name says where it was taken, as far as anybody knows.
    } else if lock.acquired_stack.is_empty() {
        page.plain(2, "taken before it was watched");
    } else {
        let how = match lock.kind {
            LockKind::Libc => "taken by the call at:",
            LockKind::StaticGuard => "initialised at:",
            _ => "taken at:",
        };
        page.plain(2, how);
        frames::write(page, 4, None, &lock.acquired_stack);
    }
    if let Some(owner) = threads.iter().find(|thread| Some(thread.tid) == lock.owner_tid) {
        page.sentences(
            2,
            &format!("the holder is now {}", super::threads::doing(owner, &[], page.style)),
        );
    }
    if !lock.waiters.is_empty() {
        let named: Vec<String> = lock
            .waiters
            .iter()
            .take(MOST_NAMED)
            .map(|tid| waiter(*tid, threads, record))
            .collect();
        let more = match lock.waiters.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let who = count(lock.waiters.len(), "thread waits", "threads wait");
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
