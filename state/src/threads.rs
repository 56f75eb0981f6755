//! The table of all threads of this process: each has a place and a record.
//!
//! | what | where |
//! |---|---|
//! | whether a place is taken | a bit of `taken`; the thread that sets it owns the place and its record |
//! | which thread has it | a word of `places`: the thread's stage of life, and the kernel's id |
//! | whether its record may have pages | a bit of `resident` |
//! | ids of threads that have ended, but that the kernel may still list | `ended` |
//!
//! A record is free as soon as its thread has run the last of our code, and is reused at once: a program that creates threads all
//! the time needs only as many records as it has threads at a time. Only a few free records keep their pages, so that a fork of a
//! program that once had many threads copies no more than one of a program that never had them.
//!
//! Nothing here takes a lock, so neither a signal handler nor a fork can find one held.

use core::ptr::NonNull;

use crate::record::{Origin, Record};
use crate::sync::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use crate::system::{FromZeros, System, Table};

/// The most threads known at once. Further ones run unwatched; the kernel's list still names them at a fork.
pub const MAX_THREADS: usize = if cfg!(loom) { 2 } else { 16 * 1024 };
const CHUNK: usize = if cfg!(loom) { 2 } else { 32 };
const PLACES_A_WORD: usize = if cfg!(loom) { 2 } else { 64 };
const WORDS: usize = MAX_THREADS / PLACES_A_WORD;
/// A bit for each place of a word.
const ALL_PLACES: u64 = u64::MAX >> (64 - PLACES_A_WORD);
/// The most free records that keep their pages for the next threads.
const MAX_SPARES: u32 = if cfg!(loom) { 0 } else { 32 };

/// The stage of life of a place's thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// There is none.
    Free,
    /// It is being created; its id is not known yet.
    Starting,
    /// It runs the program's code.
    Running,
}

/// A record and its thread's private data, on pages of its own, so that they can be returned to the kernel.
pub trait HasRecord: FromZeros + 'static {
    /// What every thread may read.
    fn record(&self) -> &Record;
}

#[derive(Debug)]
struct All<T, S> {
    taken: [AtomicU64; WORDS],
    resident: [AtomicU64; WORDS],
    places: [AtomicU64; MAX_THREADS],
    /// By the lowest bits of the id. The kernel counts ids up, so a newer id replaces one that is long gone.
    ended: [AtomicI32; MAX_THREADS],
    chunks: [Table<Chunk<T>, S>; MAX_THREADS / CHUNK],
}

// SAFETY: all of it is atomic integers and pointers, for which zero is valid.
#[expect(unsafe_code, reason = "a promise about a zeroed table")]
unsafe impl<T: HasRecord, S: System> FromZeros for All<T, S> {
    #[cfg(loom)]
    fn zeros() -> Self {
        Self {
            taken: core::array::from_fn(|_| AtomicU64::new(0)),
            resident: core::array::from_fn(|_| AtomicU64::new(0)),
            places: core::array::from_fn(|_| AtomicU64::new(0)),
            ended: core::array::from_fn(|_| AtomicI32::new(0)),
            chunks: core::array::from_fn(|_| Table::not_made()),
        }
    }
}

#[derive(Debug)]
struct Chunk<T>([T; CHUNK]);

// SAFETY: zero is valid for each of the records.
#[expect(unsafe_code, reason = "a promise about a zeroed table")]
unsafe impl<T: FromZeros> FromZeros for Chunk<T> {
    #[cfg(loom)]
    fn zeros() -> Self {
        Self(core::array::from_fn(|_| T::zeros()))
    }
}

/// The table.
#[derive(Debug)]
pub struct Threads<T, S> {
    all: Table<All<T, S>, S>,
    /// No bit was ever set in a word of `taken` or `resident` at or above this one.
    used_words: AtomicU32,
}

impl<T: HasRecord, S: System> Threads<T, S> {
    /// A table without threads.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self {
            all: Table::not_made(),
            used_words: AtomicU32::new(0),
        }
    }

    /// A table without threads.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self {
            all: Table::not_made(),
            used_words: AtomicU32::new(0),
        }
    }

    /// Takes a free place for a thread that is about to be created; `None` where the table is full or memory is short.
    pub fn reserve(&self, origin: Origin) -> Option<&T> {
        let all = self.all.get()?;
        let spare = self.take_where(all, All::spares);
        let index = spare.or_else(|| self.take_where(all, All::free))?;
        let Some(thread) = all.record(index) else {
            all.give_back(index);
            return None;
        };
        if let Some((word, bit)) = bit_of(&all.resident, index) {
            // Relaxed, here and wherever this word is used: it is only a hint which record to take.
            word.fetch_or(bit, Ordering::Relaxed);
        }
        thread.record().prepare(u32::try_from(index).ok()?, origin);
        // Release: pairs with the loads of `all`, so that a thread that sees this one sees a prepared record.
        all.places.get(index)?.store(word(Life::Starting, 0), Ordering::Release);
        Some(thread)
    }

    /// The thread of this record runs now, under this id.
    pub fn run(&self, thread: &T, tid: i32) {
        let Some(all) = self.all.if_made() else { return };
        if let Some(ended) = all.ended_at(tid) {
            // The kernel reuses the id of a thread that ended. Relaxed: the kernel has ordered the two threads.
            let _was_not_there = ended.compare_exchange(tid, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
        if let Some(place) = all.place_of(thread) {
            // Release: pairs with the loads of `all`, so that the words of `begins` come with the id.
            place.store(word(Life::Running, tid), Ordering::Release);
        }
    }

    /// The thread of this record has run the last of our code, and must not use the record again.
    pub fn end(&self, thread: &T) {
        let Some(all) = self.all.if_made() else { return };
        let index = thread.record().index() as usize;
        let Some(place) = all.places.get(index) else { return };
        // Relaxed: the thread's own word.
        let (_, tid) = unpack(place.load(Ordering::Relaxed));
        if let Some(ended) = all.ended_at(tid) {
            // Before the place is emptied, so that a fork finds the id in one or the other. Release: pairs with `has_ended`.
            ended.store(tid, Ordering::Release);
        }
        // Release: pairs with the loads of `all`: a thread that finds the place empty finds the id among those that have ended.
        place.store(0, Ordering::Release);
        if self.spare_records(all) >= MAX_SPARES {
            all.discard(thread, index);
        }
        all.give_back(index);
    }

    /// Frees a place whose thread was not created.
    pub fn cancel(&self, thread: &T) {
        let Some(all) = self.all.if_made() else { return };
        if let Some(place) = all.place_of(thread) {
            // Release: as in `end`.
            place.store(0, Ordering::Release);
            all.give_back(thread.record().index() as usize);
        }
    }

    /// Every thread: its stage of life, its id, its record.
    pub fn all(&self) -> impl Iterator<Item = (Life, i32, &T)> {
        self.all.if_made().into_iter().flat_map(|all| {
            self.taken_places(all).filter_map(|(index, place)| {
                // Acquire: pairs with the stores of `reserve` and `run`, so that the record is that thread's.
                let (life, tid) = unpack(place.load(Ordering::Acquire));
                if life == Life::Free {
                    None
                } else {
                    Some((life, tid, all.record(index)?))
                }
            })
        })
    }

    /// Whether the thread with this id has run the last of our code, and holds nothing; the kernel may still list it.
    pub fn has_ended(&self, tid: i32) -> bool {
        let ended = self.all.if_made().and_then(|all| all.ended_at(tid));
        // Acquire: pairs with the store of `end`.
        ended.is_some_and(|ended| tid != 0 && ended.load(Ordering::Acquire) == tid)
    }

    /// In the child of a fork: this thread, under its new id, is the only one.
    pub fn only_this_remains(&self, thread: &T, tid: i32) {
        if let Some(all) = self.all.if_made() {
            for (index, place) in self.taken_places(all) {
                if index != thread.record().index() as usize {
                    // Relaxed: this is the only thread.
                    place.store(0, Ordering::Relaxed);
                    all.give_back(index);
                }
            }
        }
        self.run(thread, tid);
    }

    /// Takes the first place for which a word of `candidates` has a bit.
    fn take_where(&self, all: &All<T, S>, candidates: impl Fn(&All<T, S>, usize) -> u64) -> Option<usize> {
        for index in 0..WORDS {
            let mut open = candidates(all, index);
            while open != 0 {
                let bit = open & open.wrapping_neg();
                // Before the bit, so that a scan for taken places goes far enough. Release: pairs with `taken_places`.
                self.used_words
                    .fetch_max(u32::try_from(index + 1).ok()?, Ordering::Release);
                // Acquire: pairs with `give_back`, so that what the last thread did to its record is done. The exchange
                // itself says whether the place was free.
                if all.taken.get(index)?.fetch_or(bit, Ordering::Acquire) & bit == 0 {
                    return Some(index * PLACES_A_WORD + bit.trailing_zeros() as usize);
                }
                open = candidates(all, index) & !bit;
            }
        }
        None
    }

    fn spare_records(&self, all: &All<T, S>) -> u32 {
        // Relaxed: a count that only has to be about right.
        let used = self.used_words.load(Ordering::Relaxed) as usize;
        (0..used).map(|word| all.spares(word).count_ones()).sum()
    }

    fn taken_places<'all>(&self, all: &'all All<T, S>) -> impl Iterator<Item = (usize, &'all AtomicU64)> {
        // Acquire: pairs with `take_where`.
        let used = self.used_words.load(Ordering::Acquire) as usize;
        all.taken.iter().take(used).enumerate().flat_map(move |(word, taken)| {
            // Acquire: pairs with `give_back`: a thread that finds a place freed finds its thread among those that have ended.
            let mut bits = taken.load(Ordering::Acquire);
            core::iter::from_fn(move || {
                let bit = bits.trailing_zeros() as usize;
                bits &= bits.wrapping_sub(1);
                let index = word * PLACES_A_WORD + bit;
                (bit < PLACES_A_WORD)
                    .then(|| Some((index, all.places.get(index)?)))
                    .flatten()
            })
        })
    }
}

impl<T: HasRecord, S: System> Default for Threads<T, S> {
    fn default() -> Self {
        Self::new()
    }
}

// Relaxed, unless noted: which places are free, and which have pages, are hints; the exchange on `taken` decides.
impl<T: HasRecord, S: System> All<T, S> {
    fn record(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / CHUNK)?.get()?.0.get(index % CHUNK)
    }

    fn place_of(&self, thread: &T) -> Option<&AtomicU64> {
        self.places.get(thread.record().index() as usize)
    }

    fn ended_at(&self, tid: i32) -> Option<&AtomicI32> {
        self.ended.get(usize::try_from(tid).ok()? % MAX_THREADS)
    }

    /// The free places of a word.
    fn free(&self, word: usize) -> u64 {
        let taken = self.taken.get(word).map(|taken| taken.load(Ordering::Relaxed));
        taken.map_or(0, |taken| !taken & ALL_PLACES)
    }

    /// The free places whose records have pages.
    fn spares(&self, word: usize) -> u64 {
        let resident = self.resident.get(word).map_or(0, |word| word.load(Ordering::Relaxed));
        if resident == 0 { 0 } else { self.free(word) & resident }
    }

    /// Returns the pages of a record that the caller still owns.
    fn discard(&self, thread: &T, index: usize) {
        // SAFETY: the place is still taken, so nobody relies on the record. A concurrent reader reads zeros, its valid first state.
        #[expect(unsafe_code, reason = "pages of our own memory")]
        unsafe {
            S::discard(NonNull::from(thread).cast::<u8>(), size_of::<T>());
        }
        if let Some((word, bit)) = bit_of(&self.resident, index) {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    fn give_back(&self, index: usize) {
        if let Some((word, bit)) = bit_of(&self.taken, index) {
            // Release: pairs with the exchange of `take_where` and the load of `taken_places`.
            word.fetch_and(!bit, Ordering::Release);
        }
    }
}

fn bit_of(words: &[AtomicU64], index: usize) -> Option<(&AtomicU64, u64)> {
    Some((words.get(index / PLACES_A_WORD)?, 1 << (index % PLACES_A_WORD)))
}

fn word(life: Life, tid: i32) -> u64 {
    let life = match life {
        Life::Free => 0_u64,
        Life::Starting => 1,
        Life::Running => 2,
    };
    life << 32 | u64::from(tid.cast_unsigned())
}

fn unpack(word: u64) -> (Life, i32) {
    let life = match word >> 32 {
        1 => Life::Starting,
        2 => Life::Running,
        _ => Life::Free,
    };
    (life, ((word & 0xffff_ffff) as u32).cast_signed())
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{HasRecord, Life, MAX_SPARES, MAX_THREADS, Threads, unpack, word};
    use crate::depot::NO_STACK;
    use crate::record::{Origin, Record};
    use crate::system::FromZeros;
    use crate::system::tests::Kernel;

    #[repr(align(4096))]
    struct Thread(Record);

    // SAFETY: zero is a record's first state.
    #[expect(unsafe_code, reason = "a promise about zeros")]
    unsafe impl FromZeros for Thread {}

    impl HasRecord for Thread {
        fn record(&self) -> &Record {
            &self.0
        }
    }

    const ORIGIN: Origin = Origin {
        start_routine: 8,
        argument: 9,
        created: NO_STACK,
        creator: 1,
        stack_bytes: 0,
    };

    #[test]
    fn a_word_holds_a_life_and_an_id() {
        assert_eq!(unpack(word(Life::Running, 4_194_304)), (Life::Running, 4_194_304));
        assert_eq!(unpack(0), (Life::Free, 0));
        assert!(u32::try_from(MAX_THREADS).is_ok());
    }

    #[test]
    fn places_come_and_go() {
        let threads = Threads::<Thread, Kernel>::new();
        let thread = threads.reserve(ORIGIN).unwrap();
        let index = thread.0.index();
        let life_of = |wanted| {
            threads
                .all()
                .find(|(_, _, thread)| thread.0.index() == wanted)
                .map(|(life, tid, _)| (life, tid))
        };
        assert_eq!(life_of(index), Some((Life::Starting, 0)));
        threads.run(thread, 77);
        assert_eq!(life_of(index), Some((Life::Running, 77)));
        threads.end(thread);
        assert!(threads.has_ended(77) && !threads.has_ended(78));
        assert_eq!(life_of(index), None);
        let again = threads.reserve(ORIGIN).unwrap();
        assert_eq!(
            again.0.index(),
            index,
            "a record is free as soon as its thread has ended"
        );
        threads.run(again, 77);
        assert!(!threads.has_ended(77), "the id was used again");
        threads.end(again);
    }

    #[test]
    fn many_threads_at_once_leave_few_records_with_pages() {
        let threads = Threads::<Thread, Kernel>::new();
        let many = || -> Vec<_> { (0..MAX_SPARES * 4).map(|_| threads.reserve(ORIGIN).unwrap()).collect() };
        let highest = |threads: &[&Thread]| threads.iter().map(|thread| thread.0.index()).max();
        let first = many();
        let highest_first = highest(&first);
        first.into_iter().for_each(|thread| threads.cancel(thread));
        let second = many();
        assert_eq!(highest(&second), highest_first, "no record lies higher the second time");
        for (thread, tid) in second.iter().zip(1..) {
            threads.run(thread, tid);
        }
        second.into_iter().for_each(|thread| threads.end(thread));
        assert_eq!(threads.spare_records(threads.all.get().unwrap()), MAX_SPARES);
    }
}
