//! The text of `summary`: one line where findings were only counted.

use forkwatch_schema::record::Summary;

use super::page::Page;
use super::shorten::count;

/// `42 forks: 41 unsafe, 1 exec-bound; 40 repeats only counted`.
pub fn headline(summary: &Summary) -> String {
    let forks = count_of(summary.forks, "fork", "forks");
    let mut text = format!(
        "{forks}: {} unsafe, {} exec-bound",
        summary.unsafe_forks, summary.exec_bound_forks
    );
    for (number, one, many) in [
        (summary.repeated, "repeat only counted", "repeats only counted"),
        (summary.suppressed, "suppressed", "suppressed"),
        (summary.locks_dropped, "lock not followed", "locks not followed"),
    ] {
        if number > 0 {
            text.push_str("; ");
            text.push_str(&count_of(number, one, many));
        }
    }
    text
}

/// The line; nothing where everything was told.
pub fn write(page: &mut Page<'_>, summary: &Summary) {
    if summary.repeated > 0 {
        // Leaked locks repeat, too, so these need not be forks.
        let more = count_of(summary.repeated, "more finding", "more findings");
        page.plain(
            0,
            &format!("{more} of the kinds told above (FORKWATCH_REPEAT=all tells each)"),
        );
    }
}

fn count_of(number: u64, one: &str, many: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), one, many)
}
