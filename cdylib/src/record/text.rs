//! The text of a record, for people: what happened, in which thread, with which lock, why that can hang, what to change.
//!
//! | file | its part |
//! |---|---|
//! | `page` | lines: prefix, indentation, wrapping, colour, and the one place that makes hostile text harmless |
//! | `shorten` | paths and symbols a person can read |
//! | `frames`, `noise` | stacks, and which of their frames tell nobody anything |
//! | `lock`, `threads` | one lock; the other threads, alike ones together |
//! | `unsafe_fork`, `orphaned_lock`, ... | one file a kind; `call` for those that only name a call, `child` for what they share |
//!
//! A new kind is a new file here and one arm in [`headline`] and [`render`].

mod call;
mod child;
mod fork_outcome;
mod frames;
mod leaked_lock;
mod lock;
mod noise;
mod orphaned_lock;
mod page;
mod shorten;
mod slow_handler;
mod stuck_child;
mod summary;
mod threads;
mod unsafe_fork;

#[cfg(test)]
mod tests;

use forkwatch_schema::record::{Detail, Record};

use self::page::Page;

/// How the text looks.
#[derive(Debug, Clone)]
pub struct Style {
    /// With the escape sequences of a terminal.
    pub colour: bool,
    /// The user's home folder, shown as `~`.
    pub home: Option<String>,
    /// Files below it are shown relative to it.
    pub working_directory: Option<String>,
}

/// What happened, in one line: what follows severity and kind in the text, and a record's `message`. Names in it are not
/// escaped.
pub fn headline(record: &Record) -> String {
    let headline = match &record.detail {
        Detail::UnsafeFork(detail) => unsafe_fork::headline(record, detail),
        Detail::OrphanedLock(detail) => orphaned_lock::headline(record, detail),
        Detail::StuckChild(detail) => stuck_child::headline(record, detail),
        Detail::Call(detail) => call::headline(record, detail),
        Detail::LeakedLock(detail) => leaked_lock::headline(record, detail),
        Detail::SlowHandler(detail) => slow_handler::headline(record, detail),
        Detail::ForkOutcome(detail) => fork_outcome::headline(detail),
        Detail::Summary(detail) => summary::headline(detail),
    };
    headline.replace(page::GLUE, " ")
}

/// One sentence that belongs to no record, as a line: what is wrong with an option, say, which is quoted in it. Whatever the
/// sentence holds, it stays one line and harms no terminal.
pub fn sentence(sentence: &str) -> String {
    page::line(sentence)
}

/// Text of a record for people; every line begins with `forkwatch: ` and ends with a newline. Empty where nothing is to be
/// told. `stopped` is the option that stopped the fork before the copy, or the child (`FORKWATCH_STRICT=locks`).
pub fn render(record: &Record, stopped: Option<&str>, style: &Style) -> String {
    let mut page = Page::new(style);
    match &record.detail {
        Detail::UnsafeFork(detail) => unsafe_fork::write(&mut page, record, detail, stopped),
        Detail::OrphanedLock(detail) => orphaned_lock::write(&mut page, record, detail, stopped),
        Detail::StuckChild(detail) => stuck_child::write(&mut page, record, detail, stopped),
        Detail::Call(detail) => call::write(&mut page, record, detail, stopped),
        Detail::LeakedLock(detail) => leaked_lock::write(&mut page, record, detail),
        Detail::SlowHandler(detail) => slow_handler::write(&mut page, record, detail),
        Detail::ForkOutcome(_) => {}
        Detail::Summary(detail) => summary::write(&mut page, detail),
    }
    page.finish()
}
