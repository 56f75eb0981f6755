//! The other threads: holders of locks first, similar threads grouped.

use forkwatch_schema::record::{Lock, Record, Thread, UnsafeFork, Waiting};
use forkwatch_schema::users_frame;

use super::frames;
use super::lock::{self, MAX_NAMED};
use super::noise;
use super::page::{GLUE, Page};
use super::shorten::{self, quoted};
use super::style::Style;
use super::words::count_of;

/// Groups of similar threads that are shown; the others are only counted.
const MAX_GROUPS: usize = 8;

/// The sections of all threads.
pub fn write(page: &mut Page<'_>, record: &Record, fork: &UnsafeFork) {
    let (threads, locks) = (&fork.threads, &fork.locks);
    let (groups, mut left_out) = groups(threads, locks);
    left_out += record.uncut("threads", threads.len()) - threads.len();
    for group in &groups {
        page.gap();
        write_group(page, group, locks, record.pid);
    }
    if left_out > 0 {
        page.gap();
        page.plain(
            0,
            &format!("... and {}", count_of(left_out, "more thread", "more threads")),
        );
    }
}

/// What a thread does now and where, in a few words.
pub fn doing(thread: &Thread, locks: &[Lock], style: &Style) -> String {
    let now = blocked_in(thread, locks);
    let native = thread.stack.as_deref().unwrap_or_default();
    match frames::place(thread.python_stack.as_deref(), native, style) {
        Some(place) => format!("{now} at {place}"),
        None => now,
    }
}

fn blocked_in(thread: &Thread, locks: &[Lock]) -> String {
    let Some(waiting) = &thread.waiting else {
        return String::from("running");
    };
    if waits_for_interpreter(thread) {
        return String::from("running Python code");
    }
    match locks
        .iter()
        .find(|lock| Some(&lock.address) == waiting.address.as_ref())
    {
        Some(lock) => format!("waiting for {} in {}", lock::in_words(lock), waiting.call),
        None => format!("waiting in {}", waiting.call),
    }
}

/// Whether a thread runs Python code and only waits for its turn: CPython's locks do not wait on conditions, but for the interpreter
/// lock threads do.
pub fn waits_for_interpreter(thread: &Thread) -> bool {
    let stack = thread.stack.as_deref().unwrap_or_default();
    let first = stack.iter().find(|frame| !users_frame::is_of_system(frame));
    let is_condition = |waiting: &Waiting| waiting.call.starts_with("pthread_cond_");
    thread.waiting.as_ref().is_some_and(is_condition)
        && thread.python_stack.is_some()
        && first.is_some_and(noise::is_interpreters)
}

/// Groups of threads that were started alike and do the same, holders of locks first, then threads that wait for one; and the
/// number of threads in no group. A thread that holds a lock is a group of its own.
fn groups<'threads>(threads: &'threads [Thread], locks: &[Lock]) -> (Vec<Vec<&'threads Thread>>, usize) {
    let (holders, mut others): (Vec<_>, Vec<_>) = threads.iter().partition(|thread| holds_any(thread, locks));
    others.sort_by_key(|thread| !waits_for_any(thread, locks));
    let mut groups: Vec<Vec<&Thread>> = holders.iter().take(MAX_GROUPS).map(|holder| vec![*holder]).collect();
    let lonely = groups.len();
    let mut left_out = holders.len() - lonely;
    for thread in others {
        let has_room = groups.len() < MAX_GROUPS;
        let alike = |group: &&mut Vec<&Thread>| group.first().is_some_and(|first| are_alike(first, thread));
        match groups.iter_mut().skip(lonely).find(alike) {
            Some(group) => group.push(thread),
            None if has_room => groups.push(vec![thread]),
            None => left_out += 1,
        }
    }
    (groups, left_out)
}

fn are_alike(one: &Thread, other: &Thread) -> bool {
    one.start_routine == other.start_routine
        && blocking_call(one) == blocking_call(other)
        && one.created_stack == other.created_stack
        && one.stack == other.stack
        && one.python_stack == other.python_stack
}

fn blocking_call(thread: &Thread) -> Option<&str> {
    thread.waiting.as_ref().map(|waiting| waiting.call.as_str())
}

fn holds_any(thread: &Thread, locks: &[Lock]) -> bool {
    locks.iter().any(|lock| lock.owner_tid == Some(thread.tid))
}

fn waits_for_any(thread: &Thread, locks: &[Lock]) -> bool {
    locks.iter().any(|lock| lock.waiters.contains(&thread.tid))
}

fn write_group(page: &mut Page<'_>, group: &[&Thread], locks: &[Lock], pid: i32) {
    let Some(first) = group.first() else { return };
    let held: Vec<&Lock> = locks.iter().filter(|lock| lock.owner_tid == Some(first.tid)).collect();
    if group.len() == 1 {
        let mut about = format!("{}{GLUE}(tid{GLUE}{})", quoted(&first.name), first.tid);
        if !held.is_empty() {
            about.push_str(" holds ");
            about.push_str(&lock::all_as_held(&held));
        }
        page.heading("Thread ", &about);
    } else {
        page.heading(&count_of(group.len(), "thread", "threads"), &names(group));
    }
    write_now(page, first, locks);
    // The first thread was not created by another.
    if first.tid != pid {
        write_creation(page, first);
    }
}

fn write_creation(page: &mut Page<'_>, thread: &Thread) {
    let routine = thread
        .start_routine
        .as_deref()
        .filter(|routine| !noise::is_of_runtime(routine))
        .map(shorten::symbol);
    match (&thread.created_stack, routine) {
        // Python code has started the thread, and the thread's own Python code is shown above.
        (Some(stack), None) if thread.python_stack.is_some() && noise::is_interpreters_alone(stack) => {}
        (Some(stack), routine) => {
            let purpose = routine.map_or_else(String::new, |routine| format!(" to run {routine}"));
            frames::write_under(page, 2, &format!("created{purpose}"), stack);
        }
        (None, Some(routine)) => page.plain(2, &format!("runs {routine}; its creation was not seen")),
        (None, None) => page.plain(2, "its creation was not seen"),
    }
}

fn write_now(page: &mut Page<'_>, thread: &Thread, locks: &[Lock]) {
    let now = blocked_in(thread, locks);
    let native = thread.stack.as_deref().unwrap_or_default();
    let python = thread.python_stack.as_deref();
    if native.is_empty() && python.is_none_or(<[_]>::is_empty) {
        page.plain(2, &format!("now {now}"));
    } else {
        page.plain(2, &format!("now {now} at:"));
        frames::write(page, 4, python, native);
    }
}

/// The names of several threads: `: "a" (tid 1), "b" (tid 2) and 97 more`, or ` called "a": tids 1, 2 and 97 more`.
fn names(group: &[&Thread]) -> String {
    let more = match group.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let first = group.first().map_or("", |thread| thread.name.as_str());
    if group.iter().all(|thread| thread.name == first) {
        let tids: Vec<String> = group
            .iter()
            .take(MAX_NAMED)
            .map(|thread| thread.tid.to_string())
            .collect();
        return format!(" called {}: tids {}{more}", quoted(first), tids.join(", "));
    }
    let named: Vec<String> = group
        .iter()
        .take(MAX_NAMED)
        .map(|thread| format!("{}{GLUE}(tid{GLUE}{})", quoted(&thread.name), thread.tid))
        .collect();
    format!(": {}{more}", named.join(", "))
}
