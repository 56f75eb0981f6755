//! Stacks, threads and locks of a record, each folded behind its most informative line.

use forkwatch_schema::path::base_name;
use forkwatch_schema::record::{Detail, Frame, Lock, PythonFrame, Record, Thread};
use forkwatch_text::Style;
use forkwatch_text::threads::waits_for_interpreter;
use forkwatch_text::words::count;
use forkwatch_text::{lock, noise};
use maud::{Markup, html};

use super::shown::Shown;
use crate::report::place;
use crate::report::shown::near;

/// Threads and locks whose stacks are shown; the record has them all.
const MAX: usize = 8;

/// Everything a record says about where its threads were.
pub fn of_record(record: &Record, style: &Style) -> Markup {
    let detail = &record.detail;
    let threads: &[Thread] = match detail {
        Detail::UnsafeFork(fork) => &fork.threads,
        _ => &[],
    };
    // A leaked lock's stack is that of the lock, which follows.
    let is_lock = matches!(detail, Detail::LeakedLock(_));
    let own = place::stack(detail).filter(|_| !is_lock);
    html! {
        @if let Some((native, python)) = own {
            (folded(&heading(detail), native, python, style, true))
        }
        @for lock in place::locks(detail).iter().take(MAX) { (taken(lock, style)) }
        (left_out(place::locks(detail).len(), "more lock", "more locks"))
        @for thread in threads.iter().take(MAX) { (self::thread(thread, style)) }
        (left_out(threads.len(), "more thread", "more threads"))
    }
}

fn heading(detail: &Detail) -> String {
    match detail {
        Detail::UnsafeFork(fork) => format!("{}() called", fork.fork.function),
        Detail::OrphanedLock(orphan) => format!("{} called in the child", orphan.call),
        Detail::PossibleDeadlock(possible) => format!("{} called in the child", possible.call),
        Detail::SharedDescriptor(shared) => format!("{} called in the child", shared.call),
        Detail::StuckChild(stuck) => format!("{} called in the child", stuck.call),
        Detail::Call(call) => format!("{} called in the child", call.call),
        _ => String::from("Stack"),
    }
}

fn taken(lock: &Lock, style: &Style) -> Markup {
    let name = lock
        .name
        .as_ref()
        .map_or_else(|| format!(" at {}", lock.address), |name| format!(" \"{name}\""));
    let owner = match (&lock.owner, lock.owner_tid) {
        (Some(owner), _) => format!("\"{owner}\""),
        (None, Some(tid)) => tid.to_string(),
        (None, None) => String::from("that is not known"),
    };
    let waiters = lock.waiters.len() as u64;
    let waiting = if waiters > 0 {
        format!(", {}", count(waiters, "thread waits for it", "threads wait for it"))
    } else {
        String::new()
    };
    let anew = if lock.made_anew { ", made anew in the child" } else { "" };
    let what = format!(
        "{}{name}, held by thread {owner}{anew}{waiting}: taken",
        lock::kind_of(lock)
    );
    let taken = folded(
        &what,
        &lock.acquired_stack,
        lock.acquired_python_stack.as_deref(),
        style,
        true,
    );
    // A name says more than the place.
    let made = lock.created_stack.as_deref().filter(|_| lock.name.is_none());
    html! {
        (taken)
        @if let Some(made) = made {
            (folded(&format!("{}{name} was made", lock::kind_of(lock)), made, None, style, false))
        }
    }
}

fn thread(thread: &Thread, style: &Style) -> Markup {
    let native = thread.stack.as_deref().unwrap_or_default();
    let waiting = thread.waiting.as_ref().filter(|_| !waits_for_interpreter(thread));
    let now = waiting.map_or_else(|| String::from("runs"), |waiting| format!("waits in {}", waiting.call));
    let start = thread
        .start_routine
        .as_ref()
        .map_or_else(String::new, |start| format!(", started with {start}"));
    let what = format!("Thread \"{}\" (tid {}){start}: {now}", thread.name, thread.tid);
    let created = thread.created_stack.as_deref().unwrap_or_default();
    html! {
        (folded(&what, native, thread.python_stack.as_deref(), style, false))
        @if !created.is_empty() {
            (folded(&format!("Thread \"{}\" was created", thread.name), created, None, style, false))
        }
    }
}

fn left_out(all: usize, one: &str, many: &str) -> Markup {
    let more = all.saturating_sub(MAX) as u64;
    html! {
        @if more > 0 { p.more { "and " (count(more, one, many)) } }
    }
}

/// A stack behind one line; Python's frames first, and the interpreter's below them folded once more.
fn folded(what: &str, native: &[Frame], python: Option<&[PythonFrame]>, style: &Style, is_open: bool) -> Markup {
    let python = python.unwrap_or_default();
    if native.is_empty() && python.is_empty() {
        return html! { p.stack { (Shown(what)) span.more { " (no stack was kept)" } } };
    }
    // A stack of nothing but an interpreter's frames carries no information.
    let is_open = is_open && (!python.is_empty() || !native.iter().all(noise::is_aside));
    let place = place::of_stack(native, Some(python)).map(|place| place.in_words());
    html! {
        details.stack open[is_open] {
            summary {
                (Shown(what))
                @if let Some(place) = &place { " at " b { (Shown(place)) } }
            }
            @if !python.is_empty() {
                ol start="0" {
                    @for frame in python {
                        li {
                            code { (Shown(&frame.function)) } " "
                            span.place { (Shown(near(&frame.file, style))) ":" (frame.line) }
                        }
                    }
                }
            }
            @if python.is_empty() {
                (frames(native, style))
            } @else if !native.is_empty() {
                details.stack.below {
                    summary { "Native: " (count(native.len() as u64, "frame", "frames")) }
                    (frames(native, style))
                }
            }
        }
    }
}

fn frames(native: &[Frame], style: &Style) -> Markup {
    html! {
        ol start="0" {
            @for frame in native {
                li.aside[noise::is_aside(frame)] {
                    code { (Shown(frame.symbol.as_deref().unwrap_or("??"))) } " "
                    span.place { (Shown(&position(frame, style))) }
                }
            }
        }
    }
}

fn position(frame: &Frame, style: &Style) -> String {
    match (&frame.file, frame.line, &frame.module, &frame.offset) {
        (Some(file), Some(line), ..) => format!("{}:{line}", near(file, style)),
        (Some(file), None, ..) => near(file, style).to_owned(),
        (None, _, Some(module), Some(offset)) => format!("{}+{offset}", base_name(module)),
        _ => frame.ip.clone(),
    }
}
