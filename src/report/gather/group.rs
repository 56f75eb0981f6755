//! What is known of one fingerprint while records are read.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;

use forkwatch_schema::kind::Severity;
use rustc_hash::{FxHashMap, FxHashSet};

use super::names;
use super::numbers::Numbers;
use super::spot::{Kept, Origin, Spot};
use crate::report::read::head::{Head, Time};

/// One fingerprint. The fields that each record touches come first, in one cache line: with thousands of fingerprints, memory
/// access dominates.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Group {
    /// The worst severity of its records.
    pub severity: Severity,
    last_exe: u32,
    /// Records.
    pub count: u64,
    /// The earliest.
    pub first: Time,
    /// The latest.
    pub last: Time,
    example_rank: (Time, Severity),
    /// Hosts, by number.
    pub hosts: Numbers,
    /// Program files, by number.
    exes: Numbers,
    /// Programs: a file and its build id, hashed.
    programs: FxHashSet<u64>,
    /// One whole record: of the worst, the earliest.
    pub example: Spot,
    /// Its spelling.
    pub fingerprint: Box<[u8]>,
    /// The kind of its example.
    pub kind: Box<[u8]>,
}

impl Group {
    fn new(head: &Head<'_>, example: Spot) -> Self {
        Self {
            fingerprint: head.fingerprint.into(),
            kind: head.kind.into(),
            severity: head.severity,
            count: 0,
            first: head.time,
            last: head.time,
            hosts: Numbers::default(),
            exes: Numbers::default(),
            programs: FxHashSet::default(),
            example,
            example_rank: (head.time, head.severity),
            last_exe: u32::MAX,
        }
    }

    fn add(&mut self, head: &Head<'_>, line: &[u8], host: u32, exe: u32) {
        self.count += 1;
        self.severity = self.severity.max(head.severity);
        self.first = self.first.min(head.time);
        self.last = self.last.max(head.time);
        self.hosts.insert(host);
        // The fingerprint is made from build ids: for one program file, checking once is enough.
        if exe != self.last_exe && self.exes.insert(exe) {
            self.programs
                .insert(names::hash(&[head.exe, build_id(line, head.exe).unwrap_or_default()]));
        }
        self.last_exe = exe;
    }

    fn show(&mut self, head: &Head<'_>, example: Spot) {
        self.example = example;
        self.example_rank = (head.time, head.severity);
        if *self.kind != *head.kind {
            self.kind = head.kind.into();
        }
    }

    fn merge(&mut self, other: Self, hosts: &[u32]) {
        self.count += other.count;
        self.severity = self.severity.max(other.severity);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        for host in other.hosts.iter() {
            self.hosts.insert(hosts[host as usize]);
        }
        self.programs.extend(&other.programs);
        if is_better(other.example_rank, other.example.origin, self) {
            self.example_rank = other.example_rank;
            self.example = other.example;
            self.kind = other.kind;
        }
    }

    /// How many programs it was seen in.
    pub fn programs(&self) -> u64 {
        self.programs.len() as u64
    }
}

fn is_better((time, severity): (Time, Severity), origin: Origin, than: &Group) -> bool {
    let (known_time, known_severity) = than.example_rank;
    (Reverse(severity), time, origin) < (Reverse(known_severity), known_time, than.example.origin)
}

/// The build id of the program's own file, where any frame of the record names it.
fn build_id<'line>(line: &'line [u8], exe: &[u8]) -> Option<&'line [u8]> {
    const KEY: &[u8] = b"\"build_id\":\"";
    let module = [b"\"module\":\"", exe, b"\""].concat();
    let frame = line.get(memchr::memmem::find(line, &module)?..)?;
    let frame = frame.get(..memchr::memchr(b'}', frame)?)?;
    let id = frame.get(memchr::memmem::find(frame, KEY)? + KEY.len()..)?;
    id.get(..memchr::memchr(b'"', id)?)
}

/// All fingerprints, numbered in order of appearance.
#[derive(Debug, Default)]
pub struct Groups {
    numbers: FxHashMap<u128, u32>,
    /// By number.
    pub all: Vec<Group>,
}

impl Groups {
    /// Counts a record and returns the number of its fingerprint. `None` where it would be the example, and its JSON is damaged
    /// behind the scalars: a line read by position is parsed completely only there.
    ///
    /// `keep` says where an example can be read again.
    pub fn add(
        &mut self,
        head: &Head<'_>,
        line: &[u8],
        (host, exe): (u32, u32),
        origin: Origin,
        keep: impl FnOnce(&[u8]) -> Kept,
    ) -> Option<u32> {
        match self.numbers.entry(key(head.fingerprint)) {
            Entry::Occupied(known) => {
                let number = *known.get();
                let group = &mut self.all[number as usize];
                if is_better((head.time, head.severity), origin, group) {
                    if !is_json(line) {
                        return None;
                    }
                    group.show(head, Spot::new(line, origin, keep(line)));
                }
                group.add(head, line, host, exe);
                Some(number)
            }
            Entry::Vacant(place) => {
                if !is_json(line) {
                    return None;
                }
                let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
                place.insert(number);
                self.all.push(Group::new(head, Spot::new(line, origin, keep(line))));
                self.all[number as usize].add(head, line, host, exe);
                Some(number)
            }
        }
    }

    /// Merges what another thread saw, whose examples are in the spool with this number. Returns the number here for each of its
    /// own.
    pub fn merge(&mut self, other: Self, hosts: &[u32], spool: u32) -> Vec<u32> {
        let mut numbers = Vec::with_capacity(other.all.len());
        for mut group in other.all {
            if let Kept::InSpool { number, .. } = &mut group.example.kept {
                *number = spool;
            }
            let next = self.all.len();
            let number = *self
                .numbers
                .entry(key(&group.fingerprint))
                .or_insert_with(|| u32::try_from(next).unwrap_or(u32::MAX));
            numbers.push(number);
            if let Some(known) = self.all.get_mut(number as usize) {
                known.merge(group, hosts);
            } else {
                let mut own = Numbers::default();
                for host in group.hosts.iter() {
                    own.insert(hosts[host as usize]);
                }
                group.hosts = own;
                self.all.push(group);
            }
        }
        numbers
    }
}

fn is_json(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

/// The value of the sixteen digits; the hash of any other spelling.
fn key(fingerprint: &[u8]) -> u128 {
    match <[u8; 16]>::try_from(fingerprint) {
        Ok(digits) => u128::from_ne_bytes(digits),
        Err(_) => u128::from(names::hash(&[fingerprint])),
    }
}

#[cfg(test)]
mod tests {
    use super::build_id;

    #[test]
    fn the_programs_build_id_is_that_of_its_own_frames() {
        let line = br#"{"stack":[{"module":"/lib/x","build_id":"aa"},{"module":"/bin/shop","offset":null,"build_id":"bb"},{"module":"/bin/shop2","build_id":"cc"}]}"#;
        assert_eq!(build_id(line, b"/bin/shop"), Some(&b"bb"[..]));
        assert_eq!(build_id(line, b"/bin/none"), None);
        let unknown = br#"{"stack":[{"module":"/bin/shop","build_id":null},{"module":"/lib/x","build_id":"aa"}]}"#;
        assert_eq!(build_id(unknown, b"/bin/shop"), None);
    }
}
