//! Locks that a forked child inherited in the hands of threads that do not exist there.
//!
//! Filled once, while the child has one thread; then only marks change. A lock that this process takes itself was put right
//! in some way that nobody told us of (made anew, freed and used again): it is no orphan any more.

use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::depot::StackId;
use super::held::{Entry, Object, Stage};
use crate::system::region::{FromZeros, Table};

const PLACES: usize = 4096;
/// The most orphans kept; further ones are told as waits that never end.
const MOST: u32 = 3072;

/// One lock, and who held it.
#[derive(Clone, Copy, Debug)]
pub struct Orphan {
    /// The lock, as its holder had it.
    pub entry: Entry,
    /// The holder's id in the parent.
    pub owner: i32,
    /// At which of the forks that this process descends from.
    pub fork: usize,
    place: usize,
}

/// How much of an orphan was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Told {
    /// Nothing.
    Nothing = 0,
    /// That trying is in vain.
    Try,
    /// That a call never returns.
    Block,
    /// It is an orphan no longer.
    Forgotten,
}

struct Place {
    address: AtomicUsize,
    what: AtomicU64,
    made: AtomicU32,
    owner: AtomicI32,
    fork: AtomicU8,
    told: AtomicU8,
}

struct Places([Place; PLACES]);

// SAFETY: all of it is atomic integers, for which zero is valid.
#[expect(unsafe_code, reason = "a promise about a zeroed table")]
unsafe impl FromZeros for Places {}

static TABLE: Table<Places> = Table::not_made();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Whether there are any.
#[inline]
pub fn any() -> bool {
    COUNT.load(Ordering::Relaxed) != 0
}

/// Adds a lock and its holder at the fork of this number; the first holder of a lock stays. False where there is no room.
pub fn add(entry: Entry, owner: i32, fork: usize) -> bool {
    if COUNT.load(Ordering::Relaxed) >= MOST {
        return false;
    }
    let Some(table) = TABLE.get() else { return false };
    for index in probe(entry.address) {
        let Some(place) = table.0.get(index) else { return false };
        let there = place.address.load(Ordering::Relaxed);
        if there == entry.address && place.told.load(Ordering::Relaxed) != Told::Forgotten as u8 {
            return true;
        }
        if there == 0 || there == entry.address {
            let what = u64::from(entry.stack.0) << 32 | entry.object as u64;
            place.what.store(what, Ordering::Relaxed);
            place.made.store(entry.made.0, Ordering::Relaxed);
            place.owner.store(owner, Ordering::Relaxed);
            place
                .fork
                .store(u8::try_from(fork).unwrap_or(u8::MAX), Ordering::Relaxed);
            place.told.store(Told::Nothing as u8, Ordering::Relaxed);
            place.address.store(entry.address, Ordering::Release);
            COUNT.fetch_add(1, Ordering::Relaxed);
            return true;
        }
    }
    false
}

/// The orphan at this address.
pub fn find(address: usize) -> Option<Orphan> {
    if !any() {
        return None;
    }
    let table = TABLE.if_made()?;
    for index in probe(address) {
        let place = table.0.get(index)?;
        let there = place.address.load(Ordering::Acquire);
        if there == 0 {
            return None;
        }
        if there == address {
            let what = place.what.load(Ordering::Relaxed);
            let forgotten = place.told.load(Ordering::Relaxed) == Told::Forgotten as u8;
            return (!forgotten).then_some(Orphan {
                entry: Entry {
                    address,
                    object: Object::from_number(what & 0xffff_ffff)?,
                    stage: Stage::Held,
                    stack: StackId((what >> 32) as u32),
                    made: StackId(place.made.load(Ordering::Relaxed)),
                    stack_pointer: 0,
                },
                owner: place.owner.load(Ordering::Relaxed),
                fork: usize::from(place.fork.load(Ordering::Relaxed)),
                place: index,
            });
        }
    }
    None
}

/// This process has the lock at this address, or has ended it: it is an orphan no longer.
#[inline]
pub fn forget(address: usize) {
    if let Some(orphan) = find(address) {
        // Whether it was told before does not matter now.
        let _told_before = orphan.note(Told::Forgotten);
    }
}

/// A process that was forked by this child tells for itself.
pub fn begin_anew() {
    for place in TABLE.if_made().map_or(&[][..], |table| &table.0) {
        let told = place.told.load(Ordering::Relaxed);
        if told != Told::Nothing as u8 && told != Told::Forgotten as u8 {
            place.told.store(Told::Nothing as u8, Ordering::Relaxed);
        }
    }
}

impl Orphan {
    /// Whether as much as this was told.
    pub fn was_told(&self, told: Told) -> bool {
        let place = TABLE.if_made().and_then(|table| table.0.get(self.place));
        place.is_some_and(|place| place.told.load(Ordering::Relaxed) >= told as u8)
    }

    /// Notes what is told now; false where as much was told before.
    pub fn note(&self, told: Told) -> bool {
        let place = TABLE.if_made().and_then(|table| table.0.get(self.place));
        place.is_some_and(|place| place.told.fetch_max(told as u8, Ordering::Relaxed) < told as u8)
    }
}

fn probe(address: usize) -> impl Iterator<Item = usize> {
    // Locks are at least four bytes apart; the multiplication spreads them over the high bits.
    let first = (address >> 2).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
    (0..PLACES).map(move |step| (first + step) % PLACES)
}

#[cfg(test)]
mod tests {
    use super::{Told, add, find, forget};
    use crate::state::depot::{NO_STACK, StackId};
    use crate::state::held::{Entry, Object, Stage};

    fn entry(address: usize) -> Entry {
        Entry {
            address,
            object: Object::Mutex,
            stage: Stage::Held,
            stack: StackId(7),
            made: NO_STACK,
            stack_pointer: 0,
        }
    }

    #[test]
    fn orphans_are_found_told_once_and_forgotten() {
        assert!(find(0x1000).is_none());
        (1..=100).for_each(|number| assert!(add(entry(number << 12), 5, 0)));
        let orphan = find(0x1000).unwrap();
        assert_eq!((orphan.owner, orphan.entry), (5, entry(0x1000)));
        assert!(orphan.note(Told::Try) && !orphan.note(Told::Try));
        assert!(orphan.note(Told::Block) && !orphan.note(Told::Try));
        forget(0x1000);
        assert!(find(0x1000).is_none() && find(0x2000).is_some());
        assert!(add(entry(0x1000), 6, 1), "held once more at a later fork");
        assert_eq!(find(0x1000).unwrap().owner, 6);
    }
}
