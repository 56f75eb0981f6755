//! The text of findings, for the live report and for the command: what happened, in which thread, with which lock, why that can
//! hang, and what to change.
//!
//! | file | its part |
//! |---|---|
//! | `kind/` | one file per kind: its headline, its facts, why it can hang, and which advice it has |
//! | `again` | the few lines of a fork that was shown before |
//! | `line` | a finding in one line |
//! | `threads`, `locks` | sections of the other threads, grouped where alike, and of locks; `lock`, one lock in a sentence |
//! | `frames`, `noise`, `python_noise` | stacks, and which of their frames carry no information |
//! | `advice`, `advice/` | the words of the advice: what to change, for a fork and (`child`) for a forked child |
//! | `shorten`, `words` | readable paths and symbols; numbers |
//! | `page`, `harmless`, `style` | lines: indentation, wrapping, colour; the single place that makes hostile text harmless |

pub mod advice;
mod again;
mod frames;
pub mod harmless;
mod kind;
mod line;
pub mod lock;
mod locks;
pub mod noise;
pub mod page;
mod python_noise;
pub mod shorten;
mod style;
pub mod threads;
pub mod words;

#[cfg(test)]
mod tests;

use forkwatch_schema::record::Record;

pub use self::again::render_again;
use self::page::{Look, Page};
pub use self::style::{Form, Style, WIDTH};

/// What happened, in one line: what follows severity and kind in the text, and a record's `message`. Names in it are not
/// escaped.
pub fn headline(record: &Record) -> String {
    kind::of(&record.detail).headline(record).replace(page::GLUE, " ")
}

/// One sentence that belongs to no record, as a line, such as what is wrong with an option. Whatever text it quotes, it stays
/// one line and harms no terminal.
pub fn sentence(sentence: &str, style: &Style) -> String {
    let mut page = Page::new(style);
    page.plain(0, sentence);
    page.finish()
}

/// The text of a record; every line begins with the style's prefix and ends with a newline. Empty if there is nothing to
/// report. `stopped` is the option that stopped the fork before the copy, or the child (`FORKWATCH_STRICT=locks`).
pub fn render(record: &Record, stopped: Option<&str>, style: &Style) -> String {
    let mut page = Page::new(style);
    let kind = kind::of(&record.detail);
    if !kind.is_finding() {
        kind.facts(&mut page, record, false);
        return page.finish();
    }
    if style.form == Form::Line {
        line::write(&mut page, record, stopped);
        return page.finish();
    }
    kind::write_headline(&mut page, record);
    if let Some(option) = stopped {
        page.sentences(0, &kind.stopped(option));
    }
    page.gap();
    kind.facts(&mut page, record, stopped.is_some());
    if let Some(why) = kind.why(record) {
        page.gap();
        page.heading(why.heading, "");
        for reason in &why.reasons {
            page.sentences(2, reason);
        }
    }
    let advice = kind.advice(record);
    if !advice.is_empty() {
        page.gap();
        page.heading("What to do:", "");
        for line in &advice {
            page.sentences(2, line);
        }
    }
    ending(&mut page, record);
    // Another finding may follow.
    page.gap();
    page.finish()
}

/// Writes who did what where: the part of a finding's text between its headline and the reasons.
pub fn write_facts(page: &mut Page<'_>, record: &Record) {
    kind::of(&record.detail).facts(page, record, false);
}

/// What to change.
pub fn advice(record: &Record) -> Vec<String> {
    kind::of(&record.detail).advice(record)
}

/// The last lines of a finding: where to read on.
fn ending(page: &mut Page<'_>, record: &Record) {
    page.gap();
    if !record.truncated.is_empty() {
        let cut = record.truncated.join(", ");
        page.sentences(0, &format!("Too long for one record; shortened: {cut}."));
    }
    if let Some(context) = &record.context {
        page.sentences(0, &format!("Context: {context}"));
    }
    let about = format!(
        "{} on {}, fingerprint {}",
        words::time(&record.time),
        record.host,
        record.fingerprint
    );
    if page.style.wraps_headlines {
        page.started(0, &[], Look::Dim, &about);
    } else {
        page.line(0, &[(Look::Dim, &about)]);
    }
}
