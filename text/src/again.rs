//! The few lines of a fork that was shown in full before and adds a lock to that.

use forkwatch_schema::record::{Detail, Lock, Record};

use super::lock::{holder, purpose, which};
use super::page::{GLUE, Look, Page};
use super::style::Style;
use super::words::{count_of, time};
use super::{frames, kind};

/// Locks that are shown.
const MAX_LOCKS: usize = 4;

/// The text; every line begins with the style's prefix and ends with a newline.
pub fn render_again(record: &Record, style: &Style) -> String {
    let mut page = Page::new(style);
    let about = format!(" {}: ", record.kind.name());
    page.line(
        0,
        &[
            (Look::Level(record.severity), record.severity.name()),
            (Look::Heading, &about),
            (Look::Heading, &kind::of(&record.detail).headline(record)),
        ],
    );
    let locks: &[Lock] = match &record.detail {
        Detail::UnsafeFork(fork) => &fork.locks,
        _ => &[],
    };
    for lock in locks.iter().take(MAX_LOCKS) {
        page.started(2, &[(Look::Heading, "Lock: ")], Look::Plain, &one(lock, style));
    }
    if let Some(more @ 1..) = locks.len().checked_sub(MAX_LOCKS) {
        page.plain(2, &format!("... and {}", count_of(more, "more lock", "more locks")));
    }
    let about = format!(
        "The same line forked before; {} on {}, fingerprint{GLUE}{}",
        time(&record.time),
        record.host,
        record.fingerprint
    );
    page.started(2, &[], Look::Dim, &about);
    page.finish()
}

fn one(lock: &Lock, style: &Style) -> String {
    let taken = match frames::place(None, &lock.acquired_stack, style) {
        Some(place) if !lock.is_known_by_python_alone() => format!(", taken in {place}"),
        // A Python lock's name says where it was taken.
        _ => String::new(),
    };
    format!("{}, held{} by {}{taken}", which(lock), purpose(lock.kind), holder(lock))
}

#[cfg(test)]
mod tests {
    use super::render_again;
    use crate::Style;
    use crate::tests::c_mutex;

    #[test]
    fn a_lock_takes_three_lines() {
        let text = render_again(&c_mutex(), &Style::LIVE);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(
            lines[0].starts_with("forkwatch: ERROR unsafe_fork: fork() in thread"),
            "{text}"
        );
        assert!(
            lines[1].starts_with("forkwatch:   Lock: mutex") && lines[1].contains(", taken in "),
            "{text}"
        );
        assert!(
            lines[2].starts_with("forkwatch:   The same line forked before; "),
            "{text}"
        );
    }
}
