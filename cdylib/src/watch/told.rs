//! What this process has told already, so that each finding is told in full once.
//!
//! Only used while no fork can be under way (see `watch::fork`), so its lock is free at every copy.

use std::collections::BTreeMap;

use lock_api::Mutex;

use crate::snapshot::place::{Place, Verdict};
use crate::system::allocator;
use crate::system::own_lock::OwnLock;

/// The most places remembered. Beyond it, new ones count as told: a program with that many has been told enough.
const MAX_PLACES: usize = 8192;

static PLACES: Mutex<OwnLock, BTreeMap<Place, Verdict>> = Mutex::new(BTreeMap::new());

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

/// In a child: each process tells a finding once.
pub fn begin_anew() {
    PLACES.lock().clear();
}
