//! What this process has told already, so that each finding is told in full once.
//!
//! Only used while no fork can be under way (see `watch::fork`), so its lock is free at every copy.
#![expect(unsafe_code, reason = "a static in the section that a fork writes to")]

use std::collections::{BTreeMap, BTreeSet};

use lock_api::Mutex;

use crate::snapshot::origin::ForkId;
use crate::snapshot::place::{Place, Verdict};
use crate::system::allocator;
use crate::system::own_lock::OwnLock;

/// The most places remembered. Beyond it, new ones count as told: a program with that many has been told enough.
const MAX_PLACES: usize = 8192;

/// The record that told of the forks of a place.
#[unsafe(link_section = ".data.forkwatch_fork")]
static FORKS: Mutex<OwnLock, BTreeMap<Place, ForkId>> = Mutex::new(BTreeMap::new());
#[unsafe(link_section = ".data.forkwatch_fork")]
static PLACES: Mutex<OwnLock, BTreeMap<Place, Verdict>> = Mutex::new(BTreeMap::new());

/// The fingerprints of the forks that were told.
static FINGERPRINTS: Mutex<OwnLock, BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// What became of this place; `None` where it is new.
pub fn verdict(place: Place) -> Option<Verdict> {
    let places = PLACES.lock();
    places
        .get(&place)
        .copied()
        .or((places.len() >= MAX_PLACES).then_some(Verdict::Told))
}

/// Remembers what became of a place.
pub fn remember(place: Place, verdict: Verdict) {
    let mut places = PLACES.lock();
    if places.len() < MAX_PLACES {
        allocator::with_lasting(|| places.insert(place, verdict));
    }
}

/// The id of the fork whose record told of the forks of this place; `None` where none did.
pub fn fork_id(place: Place) -> Option<ForkId> {
    FORKS.lock().get(&place).copied()
}

/// Remembers which fork's record told of the forks of this place.
pub fn remember_fork(place: Place, id: ForkId) {
    let mut forks = FORKS.lock();
    if forks.len() < MAX_PLACES {
        allocator::with_lasting(|| forks.insert(place, id));
    }
}

/// Whether no fork with this fingerprint was told before; it is from now on.
pub fn is_first(fingerprint: &str) -> bool {
    let mut fingerprints = FINGERPRINTS.lock();
    let is_first = !fingerprints.contains(fingerprint) && fingerprints.len() < MAX_PLACES;
    if is_first {
        allocator::with_lasting(|| fingerprints.insert(fingerprint.to_owned()));
    }
    is_first
}

/// In a child: each process tells a finding once.
pub fn begin_anew() {
    FINGERPRINTS.lock().clear();
    PLACES.lock().clear();
    FORKS.lock().clear();
}
