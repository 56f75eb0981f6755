//! One lock in a sentence: which, what it is held for, who holds it.

use forkwatch_schema::record::{Lock, LockKind};

use super::noise;
use super::page::GLUE;
pub use super::shorten::quoted;
use super::words::count_of;
use crate::advice::libc_regions;

/// Threads named in a list before it is cut.
pub const MAX_NAMED: usize = 8;

/// The name of this kind of lock.
fn kind(lock: &Lock) -> &'static str {
    if is_pythons(lock) {
        return "Python lock";
    }
    match lock.kind {
        LockKind::Mutex => "mutex",
        LockKind::RwlockRead | LockKind::RwlockWrite => "read-write lock",
        LockKind::Spinlock => "spinlock",
        LockKind::Semaphore => "semaphore",
        LockKind::StaticGuard => "guard of a C++ static",
        LockKind::Libc => "libc lock",
        LockKind::Futex => "lock",
    }
}

/// What it is held for, where there is a choice.
pub const fn purpose(kind: LockKind) -> &'static str {
    match kind {
        LockKind::RwlockRead => " for reading",
        LockKind::RwlockWrite => " for writing",
        _ => "",
    }
}

/// The same in a list: `read-write lock for reading`.
pub fn kind_of(lock: &Lock) -> String {
    format!("{}{}", kind(lock), purpose(lock.kind))
}

fn is_pythons(lock: &Lock) -> bool {
    if lock.is_known_by_python_alone() {
        return true;
    }
    matches!(lock.kind, LockKind::Semaphore | LockKind::Mutex | LockKind::Futex)
        && noise::ends_in_python_lock(&lock.acquired_stack)
}

/// The lock in a sentence: `a mutex`, `the mutex "cache_lock"`, `libc's time zone lock (libc:tz)`.
pub fn in_words(lock: &Lock) -> String {
    if let Some(called) = of_libc(lock) {
        return called;
    }
    match &lock.name {
        Some(name) => format!("the {} {}", kind(lock), quoted(name)),
        None => format!("a {}", kind(lock)),
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
    let left_out: usize = alike.iter().skip(MAX_NAMED).map(|(_, number, _)| number).sum();
    let named = alike.into_iter().take(MAX_NAMED);
    let mut parts: Vec<String> = named
        .map(|(words, number, lock)| match (number, &lock.name) {
            (1, _) => words,
            // Each exists once, though more than one thread may be inside a call that takes it.
            _ if of_libc(lock).is_some() => words,
            (_, Some(name)) => format!(
                "{number} {} called {}{}",
                plural(kind(lock)),
                quoted(name),
                purpose(lock.kind)
            ),
            (_, None) => format!("{number} {}{}", plural(kind(lock)), purpose(lock.kind)),
        })
        .collect();
    if left_out > 0 {
        parts.push(count_of(left_out, "more lock", "more locks"));
    }
    match parts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

fn plural(kind: &str) -> String {
    match kind {
        "mutex" => String::from("mutexes"),
        "guard of a C++ static" => String::from("guards of C++ statics"),
        "libc lock" => String::from("libc locks"),
        _ => format!("{kind}s"),
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

/// `mutex "cache_lock" at 0x1234`.
pub fn which(lock: &Lock) -> String {
    if let Some(called) = of_libc(lock) {
        // Its address represents the lock in records, and is not the lock's own.
        return called;
    }
    let name = lock
        .name
        .as_ref()
        .map_or_else(String::new, |name| format!(" {}", quoted(name)));
    format!("{}{name} at {}", kind(lock), lock.address)
}

/// `thread "keeper" (tid 4243)`, as far as it is known.
pub fn holder(lock: &Lock) -> String {
    match (&lock.owner, lock.owner_tid) {
        (Some(_), Some(tid)) => format!("{}{GLUE}(tid{GLUE}{tid})", owner_in_words(lock)),
        (None, None) => String::from("an unidentified thread"),
        _ => owner_in_words(lock),
    }
}
