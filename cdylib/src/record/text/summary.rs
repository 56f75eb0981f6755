//! The text of `summary`: one line where findings were only counted.

use forkwatch_schema::record::Summary;

use super::page::Page;

/// `41 more unsafe forks of the kinds told above`.
pub fn headline(summary: &Summary) -> String {
    let noun = if summary.repeated == 1 {
        "unsafe fork"
    } else {
        "unsafe forks"
    };
    format!("{} more {noun} of the kinds told above", summary.repeated)
}

/// The line; nothing where everything was told.
pub fn write(page: &mut Page<'_>, summary: &Summary) {
    if summary.repeated > 0 {
        page.plain(0, &headline(summary));
    }
}
