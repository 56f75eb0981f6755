//! Repeats that the library only counted: a process reports a finding in full once, and its `summary` has the number of repeats
//! of all its findings together.
//!
//! They can be assigned to a fingerprint if the process reported no other. The others are counted separately.

use std::collections::BTreeMap;

use forkwatch_schema::kind::Kind;
use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::names;
use crate::report::read::head::Head;

/// Processes that are remembered. With more of them, no repeat is assigned to a fingerprint, because memory would grow with the
/// records.
const MAX_PROCESSES: usize = 262_144;

/// The findings of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Findings {
    One(u32),
    Several,
}

#[derive(Debug, Deserialize)]
struct Summary {
    #[serde(default)]
    repeated: u64,
    #[serde(default)]
    by_kind: BTreeMap<String, u64>,
}

/// The processes seen, and the repeats in their summaries.
#[derive(Debug, Default)]
pub struct Repeats {
    processes: FxHashMap<u64, Findings>,
    too_many: bool,
    summaries: Vec<(u64, u64)>,
    lost: u64,
}

impl Repeats {
    /// Notes that a process reported a fingerprint.
    pub fn finding(&mut self, head: &Head<'_>, fingerprint: u32) {
        if !self.too_many {
            self.note(process(head), Findings::One(fingerprint));
        }
    }

    /// Notes a process's summary.
    pub fn summary(&mut self, head: &Head<'_>, line: &[u8]) {
        let Ok(summary) = serde_json::from_slice::<Summary>(line) else {
            return;
        };
        let is_finding = |name: &str| !matches!(Kind::parse(name), Some(Kind::Summary | Kind::ForkOutcome));
        let count: u64 = summary
            .by_kind
            .iter()
            .filter(|(name, _)| is_finding(name))
            .map(|(_, count)| count)
            .sum();
        match summary.repeated {
            0 => {}
            repeated if count > 1 || self.too_many => self.lost += repeated,
            repeated => self.summaries.push((process(head), repeated)),
        }
    }

    fn note(&mut self, process: u64, findings: Findings) {
        let known = self.processes.entry(process).or_insert(findings);
        if *known != findings {
            *known = Findings::Several;
        }
        if self.processes.len() > MAX_PROCESSES {
            self.too_many = true;
            self.processes = FxHashMap::default();
        }
    }

    /// Merges what another thread saw; `numbers` says what its fingerprints' numbers are here.
    pub fn merge(&mut self, other: Self, numbers: &[u32]) {
        self.lost += other.lost;
        self.summaries.extend(other.summaries);
        self.too_many |= other.too_many;
        if self.too_many {
            self.processes = FxHashMap::default();
            return;
        }
        for (process, findings) in other.processes {
            if !self.too_many {
                let findings = match findings {
                    Findings::One(number) => Findings::One(numbers[number as usize]),
                    Findings::Several => Findings::Several,
                };
                self.note(process, findings);
            }
        }
    }

    /// The repeats of each fingerprint, and how many belong to none.
    pub fn assigned(&self) -> (FxHashMap<u32, u64>, u64) {
        let (mut assigned, mut lost) = (FxHashMap::default(), self.lost);
        for (process, repeated) in &self.summaries {
            match self.processes.get(process) {
                Some(Findings::One(number)) => *assigned.entry(*number).or_default() += repeated,
                _ => lost += repeated,
            }
        }
        (assigned, lost)
    }
}

fn process(head: &Head<'_>) -> u64 {
    names::hash(&[head.host, head.pid, head.exe])
}

#[cfg(test)]
mod tests {
    use super::{MAX_PROCESSES, Repeats};
    use crate::report::read::head::Head;
    use forkwatch_schema::kind::Severity;

    fn head(pid: &[u8]) -> Head<'_> {
        Head {
            time: 0,
            severity: Severity::Warn,
            kind: b"unsafe_fork",
            fingerprint: b"0",
            host: b"h",
            pid,
            exe: b"/bin/p",
            fork_id: None,
        }
    }

    #[test]
    fn repeats_belong_to_the_only_finding_of_their_process() {
        let mut repeats = Repeats::default();
        repeats.finding(&head(b"1"), 7);
        repeats.finding(&head(b"2"), 7);
        repeats.finding(&head(b"2"), 8);
        repeats.summary(&head(b"1"), br#"{"repeated":10,"by_kind":{"unsafe_fork":1}}"#);
        repeats.summary(&head(b"2"), br#"{"repeated":20}"#);
        repeats.summary(
            &head(b"1"),
            br#"{"repeated":40,"by_kind":{"unsafe_fork":1,"leaked_lock":1}}"#,
        );
        repeats.summary(&head(b"3"), br#"{"repeated":80}"#);
        let (assigned, lost) = repeats.assigned();
        assert_eq!((assigned.get(&7), assigned.len(), lost), (Some(&10), 1, 140));
    }

    #[test]
    fn threads_see_halves() {
        let (mut one, mut other) = (Repeats::default(), Repeats::default());
        one.finding(&head(b"1"), 0);
        other.finding(&head(b"1"), 1);
        other.summary(&head(b"1"), br#"{"repeated":3}"#);
        one.merge(other, &[5, 0]);
        assert_eq!(one.assigned().0.get(&0), Some(&3));
    }

    #[test]
    fn with_too_many_processes_nothing_is_assigned() {
        let mut repeats = Repeats::default();
        for pid in 0..=MAX_PROCESSES {
            repeats.finding(&head(pid.to_string().as_bytes()), 0);
        }
        repeats.summary(&head(b"1"), br#"{"repeated":3}"#);
        let (assigned, lost) = repeats.assigned();
        assert_eq!((assigned.len(), lost), (0, 3));
    }
}
