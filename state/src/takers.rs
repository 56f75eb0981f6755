//! What one thread takes: each lock that it has taken, where, and what else it held meanwhile. A forked child compares what it takes
//! itself with what the threads took that it lost.
//!
//! The hot path only compares a key, so a thread that always takes the same locks writes nothing, and a fork has no page to copy
//! again. [`Takers::knows`] says no where there is more to note: a lock that is new, one that was not taken since the thread last told
//! other threads something, and one about which not enough is known yet.
//!
//! | what | why |
//! |---|---|
//! | a span of time between the first acquisition and another | a lock that a thread takes once, while it starts, is no danger later |
//! | the number of times that the thread has told something ([`Takers::tell`]) | so that what it did before and after that can be told apart |
//! | the locks that it held at every acquisition noted | a thread that forks with one of them cannot meet the other thread inside |
//! | whether it also had the interpreter lock each time | likewise, where the fork is Python's |
//!
//! Only the thread itself writes, and its signal handlers; the child of a fork reads its copy, which may be torn: an entry repeats its
//! key.

mod entry;

use self::entry::Entry;
use crate::depot::StackId;
use crate::held::Object;
use crate::sync::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};

/// Places for keys; a lock has [`WAYS`] of them.
const KEYS: usize = if cfg!(loom) { 4 } else { 512 };
const WAYS: usize = if cfg!(loom) { 2 } else { 4 };
/// The most locks of a thread about which something is noted.
const MAX_ENTRIES: usize = if cfg!(loom) { 2 } else { u8::MAX as usize };
/// Looks into the table that found nothing to note, before the thread has cost enough: it takes more locks than there is room for.
const MAX_FRUITLESS: u32 = if cfg!(loom) { 1 } else { 1 << 14 };
/// The most locks held at once that are noted as gates.
pub const MAX_GATES: usize = 3;

/// In a key, which is otherwise an address: more is to be noted the next time.
const UNSETTLED: usize = 1;
/// In a key: taken for reading. One lock has a key for each.
const READING: usize = 2;
/// Above all addresses: how often the thread had told something.
const TOLD_SHIFT: u32 = 56;
/// All keys of a table that is closed, and its count of tellings: so the hot path knows every lock.
const CLOSED: usize = usize::MAX;
/// What a thread tells first is that it is ready; later counts say nothing new.
const MAX_TOLD: usize = 15;
/// A thread waits for the others while it starts; where it waits later says nothing new.
const MAX_WAITS: u32 = 8;
const ADDRESS: usize = ((1 << 48) - 1) & !(UNSETTLED | READING);

/// The table. Zeroed memory is its valid first state.
#[derive(Debug)]
#[repr(C)]
pub struct Takers {
    /// How often the thread has told something, shifted to its place in a key; [`CLOSED`] where nothing more is noted.
    told: AtomicUsize,
    /// The same, once the table is closed.
    told_until_closed: AtomicUsize,
    /// The lock of its own that the thread has tried last, and `told` before that; the lock that it has made since. 0 where there is none.
    tried_own: AtomicUsize,
    told_before_try: AtomicUsize,
    made_since_try: AtomicUsize,
    /// Waits for a lock of its own that were looked at.
    waits: AtomicU32,
    /// Looks that found nothing to note.
    fruitless: AtomicU32,
    /// Entries in use.
    count: AtomicU32,
    /// A note is being made: a signal handler must not make another.
    is_noting: AtomicBool,
    keys: [AtomicUsize; KEYS],
    /// Which entry belongs to a key, plus one.
    entries_of_keys: [AtomicU8; KEYS],
    entries: [Entry; MAX_ENTRIES],
}

/// An acquisition to note.
#[derive(Clone, Copy, Debug)]
pub struct Taking<'gates> {
    /// The lock's address.
    pub address: usize,
    /// Its kind.
    pub object: Object,
    /// Where it is taken.
    pub stack: StackId,
    /// Where in Python code it is taken, in words that the depot does not look into; [`NO_STACK`](crate::depot::NO_STACK) where nobody
    /// has looked.
    pub python: StackId,
    /// The other locks that the thread holds.
    pub gates: &'gates [usize],
    /// Whether the thread has the interpreter lock.
    pub under_interpreter_lock: bool,
    /// The processor's clock.
    pub now: u64,
}

/// What is known of a lock that a thread takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its kind.
    pub object: Object,
    /// Where it was taken first.
    pub stack: StackId,
    /// Where in Python code it was taken: see [`Taking`].
    pub python: StackId,
    /// Locks that the thread held at each acquisition noted; 0 where there is none.
    pub gates: [usize; MAX_GATES],
    /// Whether it had the interpreter lock each time.
    pub under_interpreter_lock: bool,
    /// The processor's clock when it first took the lock.
    pub first: u64,
    /// Whether it takes the lock again and again, as far as can be seen: at times that lie apart, and also since it last told
    /// something.
    pub is_recurrent: bool,
}

// Relaxed, unless noted: the owner reads and writes its own words, and a child reads a copy.
impl Takers {
    /// An empty table.
    #[cfg(loom)]
    pub fn zeros() -> Self {
        Self {
            told: AtomicUsize::new(0),
            told_until_closed: AtomicUsize::new(0),
            tried_own: AtomicUsize::new(0),
            told_before_try: AtomicUsize::new(0),
            made_since_try: AtomicUsize::new(0),
            waits: AtomicU32::new(0),
            fruitless: AtomicU32::new(0),
            count: AtomicU32::new(0),
            is_noting: AtomicBool::new(false),
            keys: core::array::from_fn(|_| AtomicUsize::new(0)),
            entries_of_keys: core::array::from_fn(|_| AtomicU8::new(0)),
            entries: core::array::from_fn(|_| Entry::zeros()),
        }
    }

    /// Whether nothing need be noted about an acquisition of this lock. The hot path: calls nothing.
    #[inline(always)]
    pub fn knows(&self, address: usize, object: Object) -> bool {
        let wanted = plain_key(address, object) | self.told.load(Ordering::Relaxed);
        self.keys
            .get(place_of(address))
            .is_some_and(|key| key.load(Ordering::Relaxed) == wanted)
    }

    /// Whether the thread is known to take the lock again and again, but not where in Python code. To look costs more than the lock, and a
    /// thread takes many a lock only while it starts.
    pub fn lacks_python(&self, address: usize, object: Object, now: u64) -> bool {
        self.find(plain_key(address, object))
            .is_some_and(|(_, entry)| entry.lacks_python() && entry.lies_apart(now))
    }

    /// Notes an acquisition.
    pub fn note(&self, taking: &Taking) {
        // Relaxed: only this thread's handlers look.
        if self.is_noting.swap(true, Ordering::Relaxed) {
            return;
        }
        if self.told.load(Ordering::Relaxed) != CLOSED {
            self.note_alone(taking);
        }
        self.is_noting.store(false, Ordering::Relaxed);
    }

    fn note_alone(&self, taking: &Taking) {
        let plain = plain_key(taking.address, taking.object);
        let told = self.told.load(Ordering::Relaxed);
        let (key, entry) = match self.find(plain) {
            Some((key, entry)) => {
                let before = key.load(Ordering::Relaxed);
                if before == plain | told {
                    // Settled, but not where the hot path looks.
                    self.count_fruitless();
                    return;
                }
                entry.again(taking, tellings(told) - tellings(before).min(tellings(told)));
                (key, entry)
            }
            None => {
                let Some((key, entry)) = self.make(plain) else {
                    self.count_fruitless();
                    return;
                };
                entry.first(taking);
                (key, entry)
            }
        };
        // Release: pairs with the load of `Entry::is_of`.
        entry.key.store(plain | told, Ordering::Release);
        let unsettled = if entry.is_settled() { 0 } else { UNSETTLED };
        // Release: an entry is written before its key.
        key.store(plain | told | unsettled, Ordering::Release);
    }

    /// A look that found nothing to note costs as much as the lock. A thread that keeps making such looks is left alone: what is in
    /// the table stays, and nothing more is noted.
    fn count_fruitless(&self) {
        let fruitless = self.fruitless.load(Ordering::Relaxed) + 1;
        self.fruitless.store(fruitless, Ordering::Relaxed);
        if fruitless >= MAX_FRUITLESS {
            let told = self.told.load(Ordering::Relaxed);
            self.told_until_closed.store(told, Ordering::Relaxed);
            self.told.store(CLOSED, Ordering::Relaxed);
            self.keys.iter().for_each(|key| key.store(CLOSED, Ordering::Relaxed));
        }
    }

    /// The entry of this lock. Of a closed table, only the entries are left.
    fn entry(&self, plain: usize) -> Option<&Entry> {
        if self.told.load(Ordering::Relaxed) != CLOSED {
            return self.find(plain).map(|(_, entry)| entry);
        }
        let used = self.count.load(Ordering::Relaxed) as usize;
        self.entries.iter().take(used).find(|entry| entry.is_of(plain))
    }

    fn find(&self, plain: usize) -> Option<(&AtomicUsize, &Entry)> {
        ways(plain).find_map(|place| {
            let key = self.keys.get(place)?;
            if key.load(Ordering::Relaxed) & (ADDRESS | READING) != plain {
                return None;
            }
            Some((key, self.entry_of(place)?))
        })
    }

    fn entry_of(&self, place: usize) -> Option<&Entry> {
        let number = self.entries_of_keys.get(place)?.load(Ordering::Relaxed);
        self.entries.get(usize::from(number.checked_sub(1)?))
    }

    /// A place for a new key and its entry; `None` where the table is full.
    fn make(&self, plain: usize) -> Option<(&AtomicUsize, &Entry)> {
        let free = |place: &usize| {
            self.keys
                .get(*place)
                .is_some_and(|key| key.load(Ordering::Relaxed) == 0)
        };
        let (place, entry) = match ways(plain).find(free) {
            Some(place) => {
                let number = self.count.load(Ordering::Relaxed);
                let entry = self.entries.get(number as usize)?;
                self.count.store(number + 1, Ordering::Relaxed);
                let number = u8::try_from(number + 1).unwrap_or(u8::MAX);
                self.entries_of_keys.get(place)?.store(number, Ordering::Relaxed);
                (place, entry)
            }
            // The lock that the thread has not taken for the longest makes room.
            None => {
                let oldest = |place: &usize| self.keys.get(*place).map(|key| tellings(key.load(Ordering::Relaxed)));
                let place = ways(plain).min_by_key(oldest)?;
                if oldest(&place)? >= tellings(self.told.load(Ordering::Relaxed)) {
                    return None;
                }
                (place, self.entry_of(place)?)
            }
        };
        let key = self.keys.get(place)?;
        key.store(UNSETTLED, Ordering::Relaxed);
        Some((key, entry))
    }

    /// The thread leaves the interpreter lock while it holds this lock.
    pub fn leaves_interpreter_lock(&self, address: usize) {
        for plain in [address, address | READING] {
            if let Some(entry) = self.entry(plain) {
                entry.leaves_interpreter_lock();
            }
        }
    }

    /// The thread tells other threads something, such as that it is ready.
    #[inline(always)]
    pub fn tell(&self) {
        let told = self.told.load(Ordering::Relaxed);
        if self.may_tell_more() {
            self.told.store(told + (1 << TOLD_SHIFT), Ordering::Relaxed);
        }
    }

    /// The thread has tried a lock that it holds. A condition of Python's does so before it wakes those that wait for it, be there any or
    /// none: the thread tells something. It does so before it waits, too.
    pub fn tries_own(&self, address: usize) {
        if self.made_since_try.load(Ordering::Relaxed) == address {
            // The wait begins with a try.
            return;
        }
        self.tried_own.store(address, Ordering::Relaxed);
        self.told_before_try
            .store(self.told.load(Ordering::Relaxed), Ordering::Relaxed);
        self.made_since_try.store(0, Ordering::Relaxed);
        self.tell();
    }

    /// The thread has made a lock: if it tried one of its own, the new one may be what it will wait for.
    #[inline(always)]
    pub fn makes(&self, address: usize) {
        if self.tried_own.load(Ordering::Relaxed) != 0 {
            self.made_since_try.store(address, Ordering::Relaxed);
        }
    }

    /// The thread waits for a lock that it holds, so its last try was the beginning of this wait, and it told nothing by that; unless
    /// `tells`, which is asked about its first waits only.
    pub fn waits_for_own(&self, address: usize, tells: impl FnOnce() -> bool) {
        let tried = self.tried_own.swap(0, Ordering::Relaxed);
        let made = self.made_since_try.swap(0, Ordering::Relaxed);
        if tried == 0 || (made != address && tried != address) || self.told.load(Ordering::Relaxed) == CLOSED {
            return;
        }
        let waits = self.waits.load(Ordering::Relaxed);
        if waits < MAX_WAITS {
            self.waits.store(waits + 1, Ordering::Relaxed);
            if tells() {
                return;
            }
        }
        self.told
            .store(self.told_before_try.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Whether it makes a difference that the thread tells something.
    pub fn may_tell_more(&self) -> bool {
        self.told.load(Ordering::Relaxed) < MAX_TOLD << TOLD_SHIFT
    }

    /// What is known about this lock, for reading or for anything else; `None` where the thread has not taken it so.
    pub fn taken(&self, address: usize, object: Object) -> Option<Taken> {
        let plain = plain_key(address, object);
        let entry = self.entry(plain)?;
        let told = match self.told.load(Ordering::Relaxed) {
            CLOSED => self.told_until_closed.load(Ordering::Relaxed),
            told => told,
        };
        entry.taken(plain, told)
    }

    /// Forgets everything, for a record that is reused for a new thread.
    pub fn clear(&self) {
        // Only clears what was written, so as not to touch unused pages.
        if self.told.load(Ordering::Relaxed) != 0 {
            self.told.store(0, Ordering::Relaxed);
        }
        if self.tried_own.load(Ordering::Relaxed) != 0 {
            self.tried_own.store(0, Ordering::Relaxed);
            self.made_since_try.store(0, Ordering::Relaxed);
        }
        if self.waits.load(Ordering::Relaxed) != 0 {
            self.waits.store(0, Ordering::Relaxed);
        }
        if self.is_noting.load(Ordering::Relaxed) {
            // The last thread left a note by a jump.
            self.is_noting.store(false, Ordering::Relaxed);
        }
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        self.count.store(0, Ordering::Relaxed);
        self.fruitless.store(0, Ordering::Relaxed);
        self.keys.iter().for_each(|key| key.store(0, Ordering::Relaxed));
    }
}

/// The key of a lock, before anything is told.
#[inline(always)]
fn plain_key(address: usize, object: Object) -> usize {
    if object as u8 == Object::RwlockRead as u8 {
        address | READING
    } else {
        address
    }
}

#[inline(always)]
fn tellings(key: usize) -> usize {
    key >> TOLD_SHIFT
}

/// Where the hot path looks for the key of this lock.
#[inline(always)]
fn place_of(address: usize) -> usize {
    // Locks are at least four bytes apart, and those of one kind often lie at equal distances.
    (address >> 3 ^ address >> 11) % KEYS
}

/// All places for a key.
fn ways(plain: usize) -> impl Iterator<Item = usize> {
    let first = place_of(plain & ADDRESS);
    (0..WAYS).map(move |way| (first + way) % KEYS)
}

#[cfg(all(test, not(loom)))]
mod tests;
