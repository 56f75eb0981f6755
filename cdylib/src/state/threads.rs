//! The table of all threads of this process: a place a thread, and its record.
//!
//! | what | where |
//! |---|---|
//! | whether a place is taken | a bit of `taken`; whoever sets it owns the place and its record |
//! | who has it | a word of `places`: how far the thread is, and the kernel's id |
//! | whether its record may have pages | a bit of `resident` |
//! | ids of threads that have ended, but that the kernel may still list | `ended` |
//!
//! A record is free as soon as its thread has run the last code of ours, and is used again at once: a program that makes
//! threads all the time needs as many records as it has threads at a time. Of free records only a few keep their pages, so
//! that a fork of a program that once had many threads copies no more than one that never had them.
//!
//! Nothing here is locked, so that neither a signal handler nor a fork finds a lock.
#![expect(unsafe_code, reason = "records lie in regions from the kernel")]

use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering};

use super::thread::{Origin, Thread};
use crate::system::region::{self, FromZeros, Table};

/// The most threads known at once. Further ones run unwatched; the kernel's list still names them at a fork.
pub const MAX_THREADS: usize = 16 * 1024;
const CHUNK: usize = 32;
const WORDS: usize = MAX_THREADS / 64;
/// So many free records keep their pages for the next threads.
const MOST_SPARES: u32 = 32;

/// How far the thread of a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// There is none.
    Free,
    /// It is being created; its id is not known yet.
    Starting,
    /// It runs the program's code.
    Running,
}

struct All {
    taken: [AtomicU64; WORDS],
    resident: [AtomicU64; WORDS],
    places: [AtomicU64; MAX_THREADS],
    /// By the lowest bits of the id. The kernel counts ids up, so that a newer id falls on one that is long gone.
    ended: [AtomicI32; MAX_THREADS],
    chunks: [AtomicPtr<Thread>; MAX_THREADS / CHUNK],
}

// SAFETY: all of it is atomic integers and pointers, for which zero is valid.
unsafe impl FromZeros for All {}

static ALL: Table<All> = Table::not_made();
/// No bit was ever set in a word of `taken` or `resident` at or above this one.
static USED_WORDS: AtomicU32 = AtomicU32::new(0);

/// Takes a free place for a thread that is about to be created; `None` where the table is full or memory is short.
pub fn reserve(origin: Origin) -> Option<&'static Thread> {
    let all = ALL.get()?;
    let index = all.take_where(All::spares).or_else(|| all.take_where(All::free))?;
    let Some(thread) = record(index) else {
        all.give_back(index);
        return None;
    };
    if let Some((word, bit)) = bit_of(&all.resident, index) {
        word.fetch_or(bit, Ordering::Relaxed);
    }
    thread.prepare(u32::try_from(index).ok()?, origin);
    // Release: whoever sees the thread sees a record that is prepared.
    all.places.get(index)?.store(word(Life::Starting, 0), Ordering::Release);
    Some(thread)
}

/// The thread of this record runs now, under this id.
pub fn run(thread: &Thread, tid: i32) {
    let Some(all) = ALL.if_made() else { return };
    if let Some(ended) = ended_at(all, tid)
        && ended.load(Ordering::Relaxed) == tid
    {
        // The kernel has used the id of a thread that ended again. Another thread that ends now may take the place first.
        let _taken_by_another = ended.compare_exchange(tid, 0, Ordering::Relaxed, Ordering::Relaxed);
    }
    if let Some(place) = all.places.get(thread.index() as usize) {
        place.store(word(Life::Running, tid), Ordering::Release);
    }
}

/// The thread of this record has run the last code of ours. Nobody may use the record as its own any more.
pub fn end(thread: &Thread) {
    let Some(all) = ALL.if_made() else { return };
    let index = thread.index() as usize;
    let Some(place) = all.places.get(index) else { return };
    let (_, tid) = unpack(place.load(Ordering::Relaxed));
    if let Some(ended) = ended_at(all, tid) {
        // Before the place is empty: a fork finds the id in one or in the other.
        ended.store(tid, Ordering::Release);
    }
    place.store(0, Ordering::Release);
    if all.spare_records() >= MOST_SPARES {
        // SAFETY: this place is still taken, so the record is nobody else's. Whoever only looks at it reads zeros, its valid
        // first state.
        unsafe { region::discard(NonNull::from(thread).cast::<u8>(), size_of::<Thread>()) };
        if let Some((word, bit)) = bit_of(&all.resident, index) {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
    }
    all.give_back(index);
}

/// Gives back a place whose thread never came to be.
pub fn cancel(thread: &Thread) {
    let Some(all) = ALL.if_made() else { return };
    let index = thread.index() as usize;
    if let Some(place) = all.places.get(index) {
        place.store(0, Ordering::Release);
        all.give_back(index);
    }
}

/// Every thread: how far it is, its id, its record.
pub fn all() -> impl Iterator<Item = (Life, i32, &'static Thread)> {
    ALL.if_made().into_iter().flat_map(|all| {
        all.taken_places().filter_map(|(index, place)| {
            // Acquire: pairs with the stores of `reserve` and `run`, so that the record is that thread's.
            let (life, tid) = unpack(place.load(Ordering::Acquire));
            if life == Life::Free {
                None
            } else {
                Some((life, tid, record(index)?))
            }
        })
    })
}

/// Whether the thread of this id has run the last code of ours, and holds nothing; the kernel may still list it.
pub fn has_ended(tid: i32) -> bool {
    let ended = ALL.if_made().and_then(|all| ended_at(all, tid));
    ended.is_some_and(|ended| tid != 0 && ended.load(Ordering::Acquire) == tid)
}

/// In the child of a fork: this thread, under its new id, is the only one.
pub fn only_this_remains(thread: &Thread, tid: i32) {
    if let Some(all) = ALL.if_made() {
        for (index, place) in all.taken_places() {
            if index != thread.index() as usize {
                place.store(0, Ordering::Relaxed);
                all.give_back(index);
            }
        }
    }
    run(thread, tid);
}

impl All {
    /// Takes the first place for which a word of `candidates` has a bit.
    fn take_where(&self, candidates: impl Fn(&Self, usize) -> u64) -> Option<usize> {
        for index in 0..WORDS {
            let mut open = candidates(self, index);
            while open != 0 {
                let bit = open & open.wrapping_neg();
                // Before the bit, so that whoever looks for taken places looks far enough.
                USED_WORDS.fetch_max(u32::try_from(index + 1).ok()?, Ordering::Relaxed);
                // Acquire: pairs with `give_back`, so that what the last thread did to its record is done.
                if self.taken.get(index)?.fetch_or(bit, Ordering::Acquire) & bit == 0 {
                    return Some(index * 64 + bit.trailing_zeros() as usize);
                }
                open = candidates(self, index) & !bit;
            }
        }
        None
    }

    fn free(&self, word: usize) -> u64 {
        self.taken.get(word).map_or(0, |taken| !taken.load(Ordering::Relaxed))
    }

    /// The free places whose records have pages.
    fn spares(&self, word: usize) -> u64 {
        let resident = self.resident.get(word).map_or(0, |word| word.load(Ordering::Relaxed));
        if resident == 0 { 0 } else { self.free(word) & resident }
    }

    fn spare_records(&self) -> u32 {
        let used = USED_WORDS.load(Ordering::Relaxed) as usize;
        (0..used).map(|word| self.spares(word).count_ones()).sum()
    }

    fn give_back(&self, index: usize) {
        if let Some((word, bit)) = bit_of(&self.taken, index) {
            word.fetch_and(!bit, Ordering::Release);
        }
    }

    fn taken_places(&self) -> impl Iterator<Item = (usize, &AtomicU64)> {
        let used = USED_WORDS.load(Ordering::Relaxed) as usize;
        self.taken.iter().take(used).enumerate().flat_map(move |(word, taken)| {
            let mut bits = taken.load(Ordering::Relaxed);
            core::iter::from_fn(move || {
                let bit = bits.trailing_zeros() as usize;
                bits &= bits.wrapping_sub(1);
                let index = word * 64 + bit;
                (bit < 64).then(|| Some((index, self.places.get(index)?))).flatten()
            })
        })
    }
}

fn bit_of(words: &[AtomicU64], index: usize) -> Option<(&AtomicU64, u64)> {
    Some((words.get(index / 64)?, 1 << (index % 64)))
}

fn ended_at(all: &All, tid: i32) -> Option<&AtomicI32> {
    all.ended.get(usize::try_from(tid).ok()? % MAX_THREADS)
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

fn record(index: usize) -> Option<&'static Thread> {
    let slot = ALL.get()?.chunks.get(index / CHUNK)?;
    let mut chunk = NonNull::new(slot.load(Ordering::Acquire));
    if chunk.is_none() {
        let bytes = CHUNK * size_of::<Thread>();
        let fresh = region::reserve(bytes)?.cast::<Thread>();
        chunk = match slot.compare_exchange(null_mut(), fresh.as_ptr(), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(fresh),
            Err(first) => {
                // SAFETY: this thread lost the race, and nobody has seen its region.
                unsafe { region::release(fresh.cast::<u8>(), bytes) };
                NonNull::new(first)
            }
        };
    }
    // SAFETY: the chunk has CHUNK records, zeroed at first, which is a record's valid first state, and is never given back.
    // Records are shared between threads; all of a record but its cache is atomic.
    chunk.map(|chunk| unsafe { chunk.add(index % CHUNK).as_ref() })
}

#[cfg(test)]
mod tests {
    use super::{Life, MAX_THREADS, MOST_SPARES, all, cancel, end, has_ended, reserve, run, unpack, word};
    use crate::state::depot::NO_STACK;
    use crate::state::thread::Origin;

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
        let thread = reserve(ORIGIN).unwrap();
        let index = thread.index();
        let life_of = |wanted| {
            all()
                .find(|(_, _, thread)| thread.index() == wanted)
                .map(|(life, tid, _)| (life, tid))
        };
        assert_eq!(life_of(index), Some((Life::Starting, 0)));
        run(thread, i32::MAX);
        assert_eq!(life_of(index), Some((Life::Running, i32::MAX)));
        let listed = rustix::thread::gettid().as_raw_nonzero().get();
        run(thread, listed);
        end(thread);
        assert!(has_ended(listed) && !has_ended(listed + 1));
        assert_eq!(life_of(index), None);
        let again = reserve(ORIGIN).unwrap();
        assert_eq!(
            again.index(),
            index,
            "free as soon as its thread has ended, though the kernel lists it"
        );
        run(again, listed);
        assert!(!has_ended(listed), "the id was used again");
        end(again);
        // So many threads at once, twice: the second time no record lies higher, and only a few keep their pages.
        let many = || -> Vec<_> { (0..MOST_SPARES * 4).map(|_| reserve(ORIGIN).unwrap()).collect() };
        let first = many();
        let highest = first.iter().map(|thread| thread.index()).max();
        first.into_iter().for_each(cancel);
        let second = many();
        assert_eq!(second.iter().map(|thread| thread.index()).max(), highest);
        second
            .iter()
            .for_each(|thread| run(thread, i32::MAX - 1 - thread.index().cast_signed()));
        second.into_iter().for_each(end);
        assert_eq!(super::ALL.get().unwrap().spare_records(), MOST_SPARES);
    }
}
