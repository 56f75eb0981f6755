//! What this process has told already, so that each finding is told in full once.
//!
//! Only used while no fork can be under way (see `watch::fork`), so its lock is free at every copy.

use std::collections::BTreeMap;

use lock_api::Mutex;

use crate::state::depot::{self, StackId};
use crate::state::held::Entry;
use crate::system::allocator;
use crate::system::own_lock::OwnLock;

/// The most places remembered. Beyond it, new ones count as told: a program with that many has been told enough.
const MAX_PLACES: usize = 8192;

/// What became of a place when it was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was told.
    Told,
    /// Its caller does nothing but exec.
    ExecBound,
    /// The lock does not count.
    Harmless,
}

/// A fork's place, and a lock's place at that fork; 0 for the threads alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    fork: u64,
    lock: u64,
}

static PLACES: Mutex<OwnLock, BTreeMap<Place, Verdict>> = Mutex::new(BTreeMap::new());

impl Place {
    /// Where a fork was called.
    pub fn of_fork(stack: StackId) -> Self {
        Self {
            fork: depot::hash(stack),
            lock: 0,
        }
    }

    /// Where a lock was taken that is held at this fork.
    pub fn with_lock(self, entry: &Entry) -> Self {
        let lock = depot::hash(entry.stack) ^ depot::hash(entry.made).rotate_left(17) ^ entry.object as u64;
        Self { lock: lock | 1, ..self }
    }
}

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
