//! One lock: which, who holds it, where it was taken, who waits for it.

use forkwatch_schema::record::{Lock, LockKind, Record, Thread};

use super::frames;
use super::page::Page;
use super::shorten::{count, quoted};

/// Threads named in a list before it is cut.
pub const MOST_NAMED: usize = 8;

/// What a person calls a lock of this sort.
pub const fn sort(kind: LockKind) -> &'static str {
    match kind {
        LockKind::Mutex => "mutex",
        LockKind::RwlockRead => "read-write lock (for reading)",
        LockKind::RwlockWrite => "read-write lock (for writing)",
        LockKind::Spinlock => "spinlock",
        LockKind::Semaphore => "semaphore",
        LockKind::StaticGuard => "C++ static in initialisation",
        LockKind::Libc => "lock of libc",
        LockKind::Futex => "lock",
    }
}

/// The lock in a sentence: `a mutex`, `the mutex "cache_lock"`.
pub fn in_words(lock: &Lock) -> String {
    match &lock.name {
        Some(name) => format!("the {} {}", sort(lock.kind), quoted(name)),
        None => format!("a {}", sort(lock.kind)),
    }
}

/// `mutex "cache_lock" at 0x1234`.
pub fn in_full(lock: &Lock) -> String {
    match &lock.name {
        Some(name) => format!("{} {} at {}", sort(lock.kind), quoted(name), lock.address),
        None => format!("{} at {}", sort(lock.kind), lock.address),
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

/// The section of a lock. `label` is `Lock` or `Lock 1 of 2`; `threads` are those alive.
pub fn write(page: &mut Page<'_>, label: &str, lock: &Lock, threads: &[Thread], record: &Record) {
    let holder = match (&lock.owner, lock.owner_tid) {
        (Some(_), Some(tid)) => format!("{} (tid {tid})", owner_in_words(lock)),
        (None, None) => String::from("a thread that could not be told"),
        _ => owner_in_words(lock),
    };
    page.heading(&format!("{label}: "), &format!("{}, held by {holder}", in_full(lock)));
    page.plain(2, "taken at:");
    frames::write(page, 4, None, &lock.acquired_stack);
    if let Some(owner) = threads.iter().find(|thread| Some(thread.tid) == lock.owner_tid) {
        page.sentences(
            2,
            &format!("its holder is now {}", super::threads::doing(owner, &[], page.style)),
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
        Some(name) => format!("{} (tid {tid})", quoted(name)),
        None => format!("tid {tid}"),
    }
}
