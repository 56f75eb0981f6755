//! The locks in the records of each fingerprint, by their ids: how often each was held, predicted to hang a child, and did.

use std::collections::hash_map::Entry;
use std::sync::LazyLock;

use forkwatch_schema::kind::Severity;
use memchr::memmem::Finder;
use rustc_hash::FxHashMap;

use super::spot::{Kept, Origin, Spot};
use crate::report::read::head::{Head, Time};

/// The most pairs of a fingerprint and a lock that one thread keeps; further ones are not counted.
const MAX: usize = 1 << 18;

/// One lock in the records of one fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockSeen {
    /// Its id.
    pub id: u64,
    /// Records in which another thread held it at a fork, or to its end.
    pub held: u64,
    /// Records that say that it would have hung a child.
    pub predicted: u64,
    /// Records of children that it hung.
    pub hung: u64,
    /// The earliest of these records.
    pub spot: Spot,
    time: Time,
}

impl LockSeen {
    /// The same lock, not counted yet.
    pub fn uncounted(&self) -> Self {
        Self {
            held: 0,
            predicted: 0,
            hung: 0,
            ..self.clone()
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Locks {
    seen: FxHashMap<(u32, u64), LockSeen>,
    /// Those of the record that is being read.
    ids: Vec<u64>,
}

impl Locks {
    /// Counts the locks in a record of the fingerprint with this number. `keep` says where its line can be read again.
    pub fn add(
        &mut self,
        head: &Head<'_>,
        line: &[u8],
        number: u32,
        origin: Origin,
        mut keep: impl FnMut(&[u8]) -> Kept,
    ) {
        let (held, predicted, hung) = match head.kind {
            b"unsafe_fork" if head.severity >= Severity::Error => (1, 0, 0),
            b"leaked_lock" => (1, 0, 0),
            b"orphaned_lock" => (1, 0, u64::from(head.severity == Severity::Fatal)),
            b"possible_deadlock" => (0, 1, 0),
            _ => return,
        };
        read_ids(line, &mut self.ids);
        for &id in &self.ids {
            if self.seen.len() >= MAX && !self.seen.contains_key(&(number, id)) {
                continue;
            }
            let mut spot = || Spot::new(line, origin, keep(line));
            let seen = self.seen.entry((number, id)).or_insert_with(|| LockSeen {
                id,
                held: 0,
                predicted: 0,
                hung: 0,
                spot: spot(),
                time: head.time,
            });
            if (head.time, origin) < (seen.time, seen.spot.origin) {
                (seen.spot, seen.time) = (spot(), head.time);
            }
            seen.held += held;
            seen.predicted += predicted;
            seen.hung += hung;
        }
    }

    /// Merges what another thread saw: `numbers` are those here of its fingerprints, `spool` is that of its lines.
    pub fn merge(&mut self, other: Self, numbers: &[u32], spool: u32) {
        for ((number, id), mut seen) in other.seen {
            if let Kept::InSpool { number, .. } = &mut seen.spot.kept {
                *number = spool;
            }
            let Some(&number) = numbers.get(number as usize) else {
                continue;
            };
            match self.seen.entry((number, id)) {
                Entry::Vacant(place) => {
                    place.insert(seen);
                }
                Entry::Occupied(mut place) => {
                    let known = place.get_mut();
                    if (seen.time, seen.spot.origin) < (known.time, known.spot.origin) {
                        (known.spot, known.time) = (seen.spot, seen.time);
                    }
                    known.held += seen.held;
                    known.predicted += seen.predicted;
                    known.hung += seen.hung;
                }
            }
        }
    }

    /// By the number of their fingerprint.
    pub fn of_each(self) -> FxHashMap<u32, Vec<LockSeen>> {
        let mut all = FxHashMap::<u32, Vec<LockSeen>>::default();
        for ((number, _), seen) in self.seen {
            all.entry(number).or_default().push(seen);
        }
        all
    }
}

/// A quote inside a text is escaped, so that no key is found in the middle of one.
struct Finders {
    locks: Finder<'static>,
    lock: Finder<'static>,
    id: Finder<'static>,
}

static FINDERS: LazyLock<Finders> = LazyLock::new(|| Finders {
    locks: Finder::new(b",\"locks\":["),
    lock: Finder::new(b",\"lock\":{"),
    // Nothing but a lock has this key.
    id: Finder::new(b",\"id\":\""),
});

/// Reads the ids of the locks in a record, each once. Records of older versions have none.
fn read_ids(line: &[u8], ids: &mut Vec<u64>) {
    ids.clear();
    let finders = &*FINDERS;
    let start = finders.locks.find(line).or_else(|| finders.lock.find(line));
    match start.and_then(|start| line.get(start..)) {
        Some(locks) => {
            let found = finders.id.find_iter(locks);
            ids.extend(found.filter_map(|found| id(locks.get(found + finders.id.needle().len()..)?)));
        }
        None => ids.extend(parsed_ids(line)),
    }
    ids.sort_unstable();
    ids.dedup();
}

fn id(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(str::from_utf8(digits.get(..16)?).ok()?, 16).ok()
}

/// The same, from a line that is not as the library writes it.
fn parsed_ids(line: &[u8]) -> Vec<u64> {
    #[derive(serde::Deserialize)]
    struct Lock {
        id: Option<String>,
    }
    #[derive(serde::Deserialize)]
    struct Record {
        #[serde(default)]
        locks: Vec<Lock>,
        lock: Option<Lock>,
    }
    let Ok(Record { locks, lock }) = serde_json::from_slice(line) else {
        return Vec::new();
    };
    let ids = locks.into_iter().chain(lock).filter_map(|lock| lock.id);
    ids.filter_map(|digits| id(digits.as_bytes())).collect()
}

#[cfg(test)]
mod tests {
    use super::read_ids;

    fn ids(line: &[u8]) -> Vec<u64> {
        let mut ids = vec![1];
        read_ids(line, &mut ids);
        ids
    }

    #[test]
    fn ids_are_found_in_lines_of_any_writer() {
        let fork = br#"{"message":",\"locks\":[","threads":[{"id":"0000000000000009"}],"locks":[{"address":"0x1","id":"00000000000000b2","kind":"mutex"},{"address":"0x2","id":"00000000000000a1"},{"address":"0x3","id":"00000000000000b2"},{"address":"0x4","id":null}]}"#;
        assert_eq!(ids(fork), [0xa1, 0xb2]);
        let orphan = br#"{"call":"x","lock":{"address":"0x1","id":"00000000000000a1","kind":"mutex"},"stack":[]}"#;
        assert_eq!(ids(orphan), [0xa1]);
        let other = br#"{"lock": {"id": "00000000000000a1"}, "kind": "orphaned_lock"}"#;
        assert_eq!(ids(other), [0xa1]);
        assert_eq!(
            ids(br#"{"locks" : [{"id" : "00000000000000a1"}, {}, {"id":"a1"}]}"#),
            [0xa1]
        );
        assert!(ids(br#"{"kind":"new"}"#).is_empty());
    }
}
