//! The verdicts on places that were judged already, so that each finding is reported in full once.
#![expect(unsafe_code, reason = "a static in the section that a fork writes to")]

use std::collections::BTreeMap;

use crate::snapshot::place::{Place, PlaceVerdict};
use crate::state::report_lock::{Guarded, ReportLock};
use crate::system::allocator;

/// The most places remembered. Beyond that, new ones count as reported: a program with that many has had enough reports.
const MAX_PLACES: usize = 8192;

#[unsafe(link_section = ".data.forkwatch_fork")]
static PLACES: Guarded<BTreeMap<Place, PlaceVerdict>> = Guarded::new(BTreeMap::new());

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

/// In a child: each process reports a finding once.
pub fn reset(lock: &mut ReportLock) {
    PLACES.get_mut(lock).clear();
}
