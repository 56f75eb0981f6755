//! The few lines of a finding that was shown in full before: a fork that adds a lock, a function that makes a further unsafe call.

use forkwatch_schema::record::{Detail, Lock, Record};

use super::lock::{holder, purpose, which};
use super::page::{Look, Page};
use super::style::{Form, Style};
use super::words::count_of;
use super::{frames, kind, line};

/// Locks that are shown.
const MAX_LOCKS: usize = 4;

/// The text; every line begins with the style's prefix and ends with a newline.
pub fn render_again(record: &Record, style: &Style) -> String {
    let mut page = Page::new(style);
    if style.form == Form::Line {
        line::write(&mut page, record, None);
        return page.finish();
    }
    kind::write_headline(&mut page, record);
    if let Detail::Call(call) = &record.detail
        && let Some(place) = frames::place(call.python_stack.as_deref(), &call.stack, style)
    {
        page.line(2, &[(Look::Heading, "Called in: "), (Look::Plain, &place)]);
    }
    let locks: &[Lock] = match &record.detail {
        Detail::UnsafeFork(fork) => &fork.locks,
        _ => &[],
    };
    for lock in locks.iter().take(MAX_LOCKS) {
        page.line(2, &[(Look::Heading, "Lock: "), (Look::Plain, &one(lock, style))]);
    }
    if let Some(more @ 1..) = locks.len().checked_sub(MAX_LOCKS) {
        page.plain(2, &format!("... and {}", count_of(more, "more lock", "more locks")));
    }
    let what = match &record.detail {
        Detail::Call(_) => "The same function made another such call before",
        _ => "The same line forked before",
    };
    let about = format!("{what}: fingerprint {}", record.fingerprint);
    page.line(2, &[(Look::Dim, &about)]);
    page.finish()
}

fn one(lock: &Lock, style: &Style) -> String {
    let python = lock.acquired_python_stack.as_deref();
    let taken = match frames::place(python, &lock.acquired_stack, style) {
        Some(place) if python.is_some() || !lock.is_known_by_python_alone() => format!(", taken in {place}"),
        // All that is known of it is its name.
        _ => String::new(),
    };
    let anew = if lock.made_anew { ", made anew in the child" } else { "" };
    format!(
        "{}, held{} by {}{taken}{anew}",
        which(lock),
        purpose(lock.kind),
        holder(lock)
    )
}
