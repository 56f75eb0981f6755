//! The text of `summary`: one line where findings were only counted.

use forkwatch_schema::record::{Record, Summary};

use super::Kind;
use crate::page::Page;
use crate::words::count;

impl Kind for Summary {
    /// `42 forks: 41 unsafe, 1 exec-bound; 40 repeats only counted`.
    fn headline(&self, _record: &Record) -> String {
        let forks = count(self.forks, "fork", "forks");
        let mut text = format!(
            "{forks}: {} unsafe, {} exec-bound",
            self.unsafe_forks, self.exec_bound_forks
        );
        for (number, one, many) in [
            (self.settled_forks, "settled", "settled"),
            (self.unsettled_forks, "held back in vain", "held back in vain"),
            (self.repeated, "repeat only counted", "repeats only counted"),
            (self.suppressed, "suppressed", "suppressed"),
            (self.locks_dropped, "lock not tracked", "locks not tracked"),
        ] {
            if number > 0 {
                text.push_str("; ");
                text.push_str(&count(number, one, many));
            }
        }
        text
    }

    /// One line; nothing if everything was reported in full.
    fn facts(&self, page: &mut Page<'_>, _record: &Record, _stopped: bool) {
        if self.repeated > 0 {
            // Leaked locks repeat, too, so these need not be forks.
            let more = count(self.repeated, "more finding", "more findings");
            page.sentences(
                0,
                &format!("{more} of the kinds reported above (FORKWATCH_REPEAT=all reports each one)"),
            );
        }
    }

    fn is_finding(&self) -> bool {
        false
    }
}
