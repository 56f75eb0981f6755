//! What was read of which log, in this run and earlier ones.

use std::collections::HashMap;

use super::mark::{Identity, LogName, Mark, Packed};
use crate::export::id::Id;

/// A log that was read up to a place.
pub type Seen = (Identity, Mark);

/// All of them, by their first lines.
#[derive(Debug, Default)]
pub struct Known(HashMap<Id, Vec<Seen>>);

impl Known {
    /// Notes how far a log was read.
    pub fn note(&mut self, log: &LogName, mark: Mark) {
        let Some(identity) = log.identity else { return };
        let logs = self.0.entry(identity.head).or_default();
        let is_same = |known: &Identity| known.device == identity.device && known.inode == identity.inode;
        match logs.iter_mut().find(|(known, _)| is_same(known)) {
            Some(seen) => *seen = (identity, mark),
            None => logs.push((identity, mark)),
        }
    }

    /// Where a log goes on: at the place of a log with the same first line, and the same line before the place, which `holds`
    /// looks up.
    pub fn find(&self, identity: &Identity, mut holds: impl FnMut(&Mark) -> bool) -> Option<Mark> {
        let mut logs: Vec<&Seen> = self.0.get(&identity.head)?.iter().collect();
        let is_other = |known: &Identity| known.device != identity.device || known.inode != identity.inode;
        // Of several copies, the one that was read the farthest.
        logs.sort_by_key(|(known, mark)| (is_other(known), std::cmp::Reverse(mark.end)));
        logs.iter().map(|(_, mark)| *mark).find(|mark| holds(mark))
    }

    /// The end of a compressed file that was read.
    pub fn end_of_packed(&self, device: u64, inode: u64, packed: Packed) -> Option<Seen> {
        let is_it = |known: &Identity| known.packed == Some(packed) && known.device == device && known.inode == inode;
        self.0.values().flatten().find(|(known, _)| is_it(known)).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Identity, Known, LogName, Mark};
    use crate::export::id::Id;

    fn log(inode: u64, head: &[u8]) -> LogName {
        let identity = Identity {
            device: 1,
            inode,
            head: Id::of(head),
            packed: None,
        };
        LogName {
            path: PathBuf::from("log"),
            identity: Some(identity),
        }
    }

    fn mark(end: u64) -> Mark {
        Mark { end, ..Mark::default() }
    }

    #[test]
    fn a_copy_goes_on_where_its_original_was_left() {
        let mut known = Known::default();
        known.note(&log(1, b"a"), mark(10));
        known.note(&log(1, b"a"), mark(20));
        known.note(&log(2, b"a"), mark(30));
        let find = |log: &LogName, most: u64| {
            let found = known.find(&log.identity.unwrap(), |mark| mark.end <= most);
            found.map(|mark| mark.end)
        };
        assert_eq!(find(&log(1, b"a"), 99), Some(20), "its own place comes first");
        assert_eq!(find(&log(3, b"a"), 99), Some(30));
        assert_eq!(
            find(&log(3, b"a"), 25),
            Some(20),
            "the other one has another line there"
        );
        assert_eq!(find(&log(3, b"a"), 5), None);
        assert_eq!(find(&log(1, b"b"), 99), None, "truncated and written anew");
    }
}
