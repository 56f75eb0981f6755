//! Locks that a forked child inherited while threads held them that do not exist in it.
//!
//! Filled while the child has one thread, and later, place by place, with those whose holder was not seen at the fork. If this
//! process takes a lock itself, it was repaired in some way that we did not see (initialised again, freed and reused): it is no
//! longer an orphan, and its place is not used again.

use crate::depot::StackId;
use crate::held::{Entry, Object, Stage};
use crate::sync::{AtomicI32, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use crate::system::{FromZeros, System, Table};

const PLACES: usize = if cfg!(loom) { 4 } else { 4096 };
/// The most orphans kept; further ones are reported as waits that never end.
const MAX: u32 = if cfg!(loom) { 3 } else { 3072 };
/// In place of an address: a thread is filling the place. No lock lies at address 1.
const BEING_FILLED: usize = 1;

/// One lock, and who held it.
#[derive(Clone, Copy, Debug)]
pub struct Orphan {
    /// The lock, as its holder had it.
    pub entry: Entry,
    /// The holder's id in the parent.
    pub owner: i32,
    /// The number of the fork, among those that this process descends from.
    pub fork: usize,
    place: usize,
}

/// How much was reported about an orphan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reported {
    /// Nothing.
    Nothing = 0,
    /// That an attempt to take it fails.
    Try,
    /// That a call never returns.
    Block,
    /// It is no longer an orphan.
    Forgotten,
}

#[derive(Debug)]
struct Place {
    address: AtomicUsize,
    what: AtomicU64,
    made: AtomicU32,
    owner: AtomicI32,
    fork: AtomicU8,
    reported: AtomicU8,
}

#[derive(Debug)]
struct Places([Place; PLACES]);

// SAFETY: all of it is atomic integers, for which zero is valid.
#[expect(unsafe_code, reason = "a promise about a zeroed table")]
unsafe impl FromZeros for Places {
    #[cfg(loom)]
    fn zeros() -> Self {
        Self(core::array::from_fn(|_| Place {
            address: AtomicUsize::new(0),
            what: AtomicU64::new(0),
            made: AtomicU32::new(0),
            owner: AtomicI32::new(0),
            fork: AtomicU8::new(0),
            reported: AtomicU8::new(0),
        }))
    }
}

/// The orphans of this process.
#[derive(Debug)]
pub struct Orphans<S> {
    table: Table<Places, S>,
    count: AtomicU32,
}

// Relaxed, unless noted: the count only says whether a search is worth it, and a place's other words are read after its address.
impl<S: System> Orphans<S> {
    /// None.
    #[cfg(not(loom))]
    pub const fn empty() -> Self {
        Self {
            table: Table::not_made(),
            count: AtomicU32::new(0),
        }
    }

    /// None.
    #[cfg(loom)]
    pub fn empty() -> Self {
        Self {
            table: Table::not_made(),
            count: AtomicU32::new(0),
        }
    }

    /// Whether there are any.
    #[inline(always)]
    pub fn any(&self) -> bool {
        self.count.load(Ordering::Relaxed) != 0
    }

    /// Adds a lock and its holder at the fork with this number; the first holder of a lock stays. False where the table is full, or
    /// another thread is just adding one.
    pub fn add(&self, entry: Entry, owner: i32, fork: usize) -> bool {
        if self.count.load(Ordering::Relaxed) >= MAX {
            return false;
        }
        let Some(table) = self.table.get() else { return false };
        for index in probe(entry.address) {
            let Some(place) = table.0.get(index) else { return false };
            // Acquire: pairs with the store in `fill`. A place that is being filled may become any lock's, and this thread must
            // not wait for one that it may have interrupted.
            match place
                .address
                .compare_exchange(0, BEING_FILLED, Ordering::Acquire, Ordering::Acquire)
            {
                Ok(_) => {
                    place.fill(entry, owner, fork);
                    self.count.fetch_add(1, Ordering::Relaxed);
                    return true;
                }
                Err(BEING_FILLED) => return false,
                Err(there) if there == entry.address && !place.is_forgotten() => return true,
                Err(_) => {}
            }
        }
        false
    }

    /// The orphan at this address.
    pub fn find(&self, address: usize) -> Option<Orphan> {
        if !self.any() {
            return None;
        }
        let table = self.table.if_made()?;
        for index in probe(address) {
            let place = table.0.get(index)?;
            // Acquire: pairs with the store in `fill`.
            match place.address.load(Ordering::Acquire) {
                0 => return None,
                there if there == address && !place.is_forgotten() => return place.orphan(address, index),
                _ => {}
            }
        }
        None
    }

    /// This process took or destroyed the lock at this address: it is no longer an orphan.
    #[inline]
    pub fn forget(&self, address: usize) {
        if let Some(orphan) = self.find(address) {
            // Whether it was reported before does not matter now.
            let _reported_before = self.note(&orphan, Reported::Forgotten);
        }
    }

    /// In a child of this process, which reports for itself.
    pub fn reset(&self) {
        for place in self.table.if_made().map_or(&[][..], |table| &table.0) {
            if place.reported.load(Ordering::Relaxed) != Reported::Forgotten as u8 {
                place.reported.store(Reported::Nothing as u8, Ordering::Relaxed);
            }
        }
    }

    /// Whether this, or more, was reported about an orphan.
    pub fn was_reported(&self, orphan: &Orphan, reported: Reported) -> bool {
        self.place_of(orphan)
            .is_some_and(|place| place.reported.load(Ordering::Relaxed) >= reported as u8)
    }

    /// Notes what is reported about an orphan; false where as much was reported before.
    pub fn note(&self, orphan: &Orphan, reported: Reported) -> bool {
        // Relaxed: only one of several threads raises the value; nothing else depends on it.
        self.place_of(orphan)
            .is_some_and(|place| place.reported.fetch_max(reported as u8, Ordering::Relaxed) < reported as u8)
    }

    fn place_of(&self, orphan: &Orphan) -> Option<&Place> {
        self.table.if_made()?.0.get(orphan.place)
    }
}

impl<S: System> Default for Orphans<S> {
    fn default() -> Self {
        Self::empty()
    }
}

// Relaxed, unless noted: a reader has found the address, and a writer has claimed the place.
impl Place {
    fn fill(&self, entry: Entry, owner: i32, fork: usize) {
        let what = u64::from(entry.stack.0) << 32 | entry.object as u64;
        self.what.store(what, Ordering::Relaxed);
        self.made.store(entry.made.0, Ordering::Relaxed);
        self.owner.store(owner, Ordering::Relaxed);
        self.fork
            .store(u8::try_from(fork).unwrap_or(u8::MAX), Ordering::Relaxed);
        // Release: pairs with the loads of `add` and `find`, so that all of the above comes with the address.
        self.address.store(entry.address, Ordering::Release);
    }

    fn is_forgotten(&self) -> bool {
        self.reported.load(Ordering::Relaxed) == Reported::Forgotten as u8
    }

    fn orphan(&self, address: usize, place: usize) -> Option<Orphan> {
        let what = self.what.load(Ordering::Relaxed);
        Some(Orphan {
            entry: Entry {
                address,
                object: Object::from_number(what & 0xffff_ffff)?,
                stage: Stage::Held,
                stack: StackId((what >> 32) as u32),
                made: StackId(self.made.load(Ordering::Relaxed)),
                stack_pointer: 0,
            },
            owner: self.owner.load(Ordering::Relaxed),
            fork: usize::from(self.fork.load(Ordering::Relaxed)),
            place,
        })
    }
}

fn probe(address: usize) -> impl Iterator<Item = usize> {
    // Locks are at least four bytes apart; the multiplication spreads them over the high bits.
    let first = (address >> 2).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
    (0..PLACES).map(move |step| (first + step) % PLACES)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Orphans, Reported};
    use crate::depot::{NO_STACK, StackId};
    use crate::held::{Entry, Object, Stage};
    use crate::system::tests::Kernel;

    static ORPHANS: Orphans<Kernel> = Orphans::empty();

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
    fn orphans_are_found_reported_once_and_forgotten() {
        assert!(ORPHANS.find(0x1000).is_none());
        (1..=100).for_each(|number| assert!(ORPHANS.add(entry(number << 12), 5, 0)));
        let orphan = ORPHANS.find(0x1000).unwrap();
        assert_eq!((orphan.owner, orphan.entry), (5, entry(0x1000)));
        assert!(ORPHANS.note(&orphan, Reported::Try) && !ORPHANS.note(&orphan, Reported::Try));
        assert!(ORPHANS.note(&orphan, Reported::Block) && !ORPHANS.note(&orphan, Reported::Try));
        ORPHANS.forget(0x1000);
        assert!(ORPHANS.find(0x1000).is_none() && ORPHANS.find(0x2000).is_some());
        assert!(ORPHANS.add(entry(0x1000), 6, 1), "held once more at a later fork");
        assert_eq!(ORPHANS.find(0x1000).unwrap().owner, 6);
    }
}
