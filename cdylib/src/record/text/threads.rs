//! The other threads, holders of locks first and alike ones together.

use forkwatch_schema::record::{Lock, Thread};

use super::Style;
use super::frames;
use super::lock::{self, MOST_NAMED};
use super::page::Page;
use super::shorten::{self, count, quoted};

/// Groups of alike threads that are told before the rest is only counted.
const MOST_GROUPS: usize = 8;

/// The sections of all threads.
pub fn write(page: &mut Page<'_>, threads: &[Thread], locks: &[Lock]) {
    let mut groups = groups(threads, locks);
    groups.sort_by_key(|group| {
        group
            .first()
            .map(|thread| (!holds_any(thread, locks), !waits_for_any(thread, locks)))
    });
    for group in groups.iter().take(MOST_GROUPS) {
        page.gap();
        write_group(page, group, locks);
    }
    let untold: usize = groups.iter().skip(MOST_GROUPS).map(Vec::len).sum();
    if untold > 0 {
        page.gap();
        page.plain(0, &format!("... and {} more", count(untold, "thread", "threads")));
    }
}

/// What a thread does now, in a few words.
pub fn doing(thread: &Thread, locks: &[Lock], style: &Style) -> String {
    let native = thread.stack.as_deref().unwrap_or_default();
    let mut words = match &thread.waiting {
        None => String::from("running"),
        Some(waiting) => {
            let lock = locks
                .iter()
                .find(|lock| Some(&lock.address) == waiting.address.as_ref());
            match lock {
                Some(lock) => format!("waiting for {} in {}", lock::in_words(lock), waiting.call),
                None => format!("waiting in {}", waiting.call),
            }
        }
    };
    if let Some(place) = frames::place(thread.python_stack.as_deref(), native, style) {
        words.push_str(", in ");
        words.push_str(&place);
    }
    words
}

/// Threads that were started alike and do the same. One that holds a lock stands alone.
fn groups<'threads>(threads: &'threads [Thread], locks: &[Lock]) -> Vec<Vec<&'threads Thread>> {
    let mut groups: Vec<Vec<&Thread>> = Vec::new();
    for thread in threads {
        let alike = |group: &&mut Vec<&Thread>| {
            group
                .first()
                .is_some_and(|first| are_alike(first, thread) && !holds_any(first, locks))
        };
        let alone = holds_any(thread, locks);
        match groups.iter_mut().find(alike).filter(|_| !alone) {
            Some(group) => group.push(thread),
            None => groups.push(vec![thread]),
        }
    }
    groups
}

fn are_alike(one: &Thread, other: &Thread) -> bool {
    let call = |thread: &Thread| thread.waiting.as_ref().map(|waiting| waiting.call.clone());
    one.start_routine == other.start_routine
        && one.created_stack == other.created_stack
        && one.stack == other.stack
        && one.python_stack == other.python_stack
        && call(one) == call(other)
}

fn holds_any(thread: &Thread, locks: &[Lock]) -> bool {
    locks.iter().any(|lock| lock.owner_tid == Some(thread.tid))
}

fn waits_for_any(thread: &Thread, locks: &[Lock]) -> bool {
    locks.iter().any(|lock| lock.waiters.contains(&thread.tid))
}

fn write_group(page: &mut Page<'_>, group: &[&Thread], locks: &[Lock]) {
    let Some(first) = group.first() else { return };
    let held: Vec<String> = locks
        .iter()
        .filter(|lock| lock.owner_tid == Some(first.tid))
        .map(lock::in_words)
        .take(MOST_NAMED)
        .collect();
    let mut about = if group.len() == 1 {
        format!("{} (tid {})", quoted(&first.name), first.tid)
    } else {
        names(group)
    };
    if let Some(routine) = &first.start_routine {
        about.push_str(", started with ");
        about.push_str(&shorten::symbol(routine));
    }
    if !held.is_empty() {
        about.push_str(", holds ");
        about.push_str(&held.join(" and "));
    }
    let label = if group.len() == 1 {
        String::from("Thread ")
    } else {
        format!("{}", count(group.len(), "thread", "threads"))
    };
    page.heading(&label, &about);
    write_now(page, first, locks);
    match &first.created_stack {
        Some(stack) => {
            page.plain(2, "created at:");
            frames::write(page, 4, None, stack);
        }
        None => page.plain(2, "created before forkwatch could see it"),
    }
}

fn write_now(page: &mut Page<'_>, thread: &Thread, locks: &[Lock]) {
    let now = match &thread.waiting {
        None => String::from("now running"),
        Some(_) => {
            let bare = Thread {
                stack: None,
                python_stack: None,
                ..thread.clone()
            };
            format!("now {}", doing(&bare, locks, page.style))
        }
    };
    let native = thread.stack.as_deref().unwrap_or_default();
    let python = thread.python_stack.as_deref();
    if native.is_empty() && python.is_none_or(<[_]>::is_empty) {
        page.plain(2, &now);
    } else {
        page.plain(2, &format!("{now}, at:"));
        frames::write(page, 4, python, native);
    }
}

/// The names of several threads: `: "a" (tid 1), "b" (tid 2) and 97 more`, or ` called "a": tids 1, 2 and 97 more`.
fn names(group: &[&Thread]) -> String {
    let more = match group.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let first = group.first().map_or("", |thread| thread.name.as_str());
    if group.iter().all(|thread| thread.name == first) {
        let tids: Vec<String> = group
            .iter()
            .take(MOST_NAMED)
            .map(|thread| thread.tid.to_string())
            .collect();
        return format!(" called {}: tids {}{more}", quoted(first), tids.join(", "));
    }
    let named: Vec<String> = group
        .iter()
        .take(MOST_NAMED)
        .map(|thread| format!("{} (tid {})", quoted(&thread.name), thread.tid))
        .collect();
    format!(": {}{more}", named.join(", "))
}
