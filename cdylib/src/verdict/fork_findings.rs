//! The forks that this process has reported. One line that forks is one finding, however it was reached: it is reported in full
//! once, and again, briefly, for each lock that was not held there before.
#![expect(unsafe_code, reason = "a static in the section that a fork writes to")]

use std::collections::{BTreeMap, BTreeSet};

use forkwatch_schema::kind::Severity;
use forkwatch_schema::record::{Detail, Lock, Record};

use crate::snapshot::origin::ForkId;
use crate::snapshot::place::Place;
use crate::state::report_lock::{Guarded, ReportLock};
use crate::system::allocator;

/// The most places remembered. A fork of a further one is examined each time.
const MAX_PLACES: usize = 8192;

/// The most records that one finding may add to its first. Later forks of its line are only counted, whatever is held there.
const MAX_FURTHER: u32 = 16;

/// One finding.
#[derive(Debug)]
struct Finding {
    /// Where it was first seen.
    place: Place,
    /// The worst that was reported.
    severity: Severity,
    /// Records after the first.
    further: u32,
    /// The locks in its records, each with its holder.
    locks: BTreeSet<(String, String)>,
}

/// By fingerprint.
static FINDINGS: Guarded<BTreeMap<String, Finding>> = Guarded::new(BTreeMap::new());
/// The fork whose record reported the forks of a place.
#[unsafe(link_section = ".data.forkwatch_fork")]
static IDS: Guarded<BTreeMap<Place, ForkId>> = Guarded::new(BTreeMap::new());
/// The place where the finding was first seen, for other ways to the line.
#[unsafe(link_section = ".data.forkwatch_fork")]
static SAME_LINE: Guarded<BTreeMap<Place, Place>> = Guarded::new(BTreeMap::new());
/// The places whose finding has no records left.
#[unsafe(link_section = ".data.forkwatch_fork")]
static FULL: Guarded<BTreeSet<Place>> = Guarded::new(BTreeSet::new());

/// What a record adds to what was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addition {
    /// The finding itself.
    Finding,
    /// The first lock that was held there, with all other threads.
    FirstLock,
    /// A lock, or a holder of one.
    Lock,
    /// The fork that a child's record belongs to, and nothing that a reader would look for.
    Fork,
    /// Nothing: it is only counted.
    Nothing,
}

/// The id of the fork whose record reported the forks of this place; `None` where none did.
pub fn id(lock: &ReportLock, place: Place) -> Option<ForkId> {
    IDS.get(lock).get(&place).copied()
}

/// The place of the finding that a fork of this place belongs to: the place itself, unless another way led to the same line before.
pub fn same_line(lock: &ReportLock, place: Place) -> Place {
    SAME_LINE.get(lock).get(&place).copied().unwrap_or(place)
}

/// Whether anything was reported.
pub fn are_any(lock: &ReportLock) -> bool {
    !FINDINGS.get(lock).is_empty()
}

/// Whether the finding of this place may have another record.
pub fn takes_more(lock: &ReportLock, place: Place) -> bool {
    !FULL.get(lock).contains(&place)
}

/// The place of the finding with this fingerprint, which `place` belongs to from now on; `None` where it was not reported.
pub fn join(lock: &mut ReportLock, place: Place, fingerprint: &str) -> Option<Place> {
    let known = FINDINGS.get(lock).get(fingerprint)?.place;
    let places = SAME_LINE.get_mut(lock);
    if known != place && places.len() < MAX_PLACES {
        allocator::with_lasting(|| places.insert(place, known));
    }
    Some(known)
}

/// Remembers which fork's record reported the forks of this place.
pub fn remember(lock: &mut ReportLock, place: Place, id: ForkId) {
    let ids = IDS.get_mut(lock);
    if ids.len() < MAX_PLACES && !ids.contains_key(&place) {
        allocator::with_lasting(|| ids.insert(place, id));
    }
}

/// Adds a fork's record to its finding. Says what it adds.
pub fn add(lock: &mut ReportLock, place: Place, record: &Record) -> Addition {
    let findings = FINDINGS.get_mut(lock);
    let is_known = findings.contains_key(&record.fingerprint);
    if !is_known && findings.len() >= MAX_PLACES {
        return Addition::Nothing;
    }
    let (addition, place) = allocator::with_lasting(|| {
        let finding = findings
            .entry(record.fingerprint.clone())
            .or_insert_with(|| Finding::new(place, record.severity));
        let addition = if is_known {
            finding.further(record)
        } else {
            finding.add_locks(record);
            Addition::Finding
        };
        let is_full = finding.further >= MAX_FURTHER;
        (addition, is_full.then_some(finding.place))
    });
    if let Some(place) = place {
        allocator::with_lasting(|| FULL.get_mut(lock).insert(place));
    }
    addition
}

/// In a child: each process reports a finding once.
pub fn reset(lock: &mut ReportLock) {
    FINDINGS.get_mut(lock).clear();
    IDS.get_mut(lock).clear();
    SAME_LINE.get_mut(lock).clear();
    FULL.get_mut(lock).clear();
}

impl Finding {
    const fn new(place: Place, severity: Severity) -> Self {
        Self {
            place,
            severity,
            further: 0,
            locks: BTreeSet::new(),
        }
    }

    fn further(&mut self, record: &Record) -> Addition {
        if self.further >= MAX_FURTHER {
            return Addition::Nothing;
        }
        self.further += 1;
        let has_new_lock = self.add_locks(record);
        if record.severity > self.severity {
            self.severity = record.severity;
            Addition::FirstLock
        } else if has_new_lock {
            Addition::Lock
        } else {
            Addition::Fork
        }
    }

    /// Whether one of them was not held before, or not by a thread of that name.
    fn add_locks(&mut self, record: &Record) -> bool {
        let Detail::UnsafeFork(detail) = &record.detail else {
            return false;
        };
        let before = self.locks.len();
        let harmful = detail.locks.iter().filter(|lock| !lock.made_anew);
        self.locks.extend(harmful.map(key));
        self.locks.len() > before
    }
}

/// A lock's id and its holder's name without digits: the threads of a pool are alike.
fn key(lock: &Lock) -> (String, String) {
    let owner = lock.owner.as_deref().unwrap_or_default();
    let owner = owner.chars().filter(|character| !character.is_ascii_digit());
    (lock.id.clone().unwrap_or_default(), owner.collect())
}
