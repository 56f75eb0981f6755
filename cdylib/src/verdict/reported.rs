//! What this process has already reported, so that each finding is reported in full once.
#![expect(unsafe_code, reason = "a static in the section that a fork writes to")]

use std::collections::{BTreeMap, BTreeSet};

use crate::snapshot::origin::ForkId;
use crate::snapshot::place::{Place, PlaceVerdict};
use crate::state::report_lock::{Guarded, ReportLock};
use crate::system::allocator;

/// The most places remembered. Beyond that, new ones count as reported: a program with that many has had enough reports.
const MAX_PLACES: usize = 8192;

/// The fork whose record reported the forks of a place.
#[unsafe(link_section = ".data.forkwatch_fork")]
static FORKS: Guarded<BTreeMap<Place, ForkId>> = Guarded::new(BTreeMap::new());
#[unsafe(link_section = ".data.forkwatch_fork")]
static PLACES: Guarded<BTreeMap<Place, PlaceVerdict>> = Guarded::new(BTreeMap::new());

/// The fingerprints of the forks that were reported.
static FINGERPRINTS: Guarded<BTreeSet<String>> = Guarded::new(BTreeSet::new());

/// The verdict on this place; `None` where it is new.
pub fn verdict(lock: &ReportLock, place: Place) -> Option<PlaceVerdict> {
    let places = PLACES.get(lock);
    places
        .get(&place)
        .copied()
        .or((places.len() >= MAX_PLACES).then_some(PlaceVerdict::Reported))
}

/// Remembers the verdict on a place.
pub fn remember(lock: &mut ReportLock, place: Place, verdict: PlaceVerdict) {
    let places = PLACES.get_mut(lock);
    if places.len() < MAX_PLACES {
        allocator::with_lasting(|| places.insert(place, verdict));
    }
}

/// The id of the fork whose record reported the forks of this place; `None` where none did.
pub fn fork_id(lock: &ReportLock, place: Place) -> Option<ForkId> {
    FORKS.get(lock).get(&place).copied()
}

/// Remembers which fork's record reported the forks of this place.
pub fn remember_fork(lock: &mut ReportLock, place: Place, id: ForkId) {
    let forks = FORKS.get_mut(lock);
    if forks.len() < MAX_PLACES {
        allocator::with_lasting(|| forks.insert(place, id));
    }
}

/// Whether no fork with this fingerprint was reported before; it counts as reported from now on.
pub fn is_first(lock: &mut ReportLock, fingerprint: &str) -> bool {
    let fingerprints = FINGERPRINTS.get_mut(lock);
    let is_first = !fingerprints.contains(fingerprint) && fingerprints.len() < MAX_PLACES;
    if is_first {
        allocator::with_lasting(|| fingerprints.insert(fingerprint.to_owned()));
    }
    is_first
}

/// In a child: each process reports a finding once.
pub fn reset(lock: &mut ReportLock) {
    FINGERPRINTS.get_mut(lock).clear();
    PLACES.get_mut(lock).clear();
    FORKS.get_mut(lock).clear();
}
