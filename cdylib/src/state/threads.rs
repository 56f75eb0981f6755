//! The table of all threads of this process: a place a thread, and its record.
//!
//! Places are taken and given back with compare-and-swap, so that neither a signal handler nor a fork finds a lock here. The
//! small words lie together, because the forking thread reads them all; the records lie apart and are mapped in chunks.
#![expect(unsafe_code, reason = "records lie in regions from the kernel")]

use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use super::thread::{Origin, Thread};
use crate::system::region::{self, FromZeros, Table};
use crate::system::task;

/// The most threads known at once. Further ones run unwatched; the kernel's list still names them at a fork.
pub const MAX_THREADS: usize = 16 * 1024;
const CHUNK: usize = 32;

/// What a place in the table holds. The word is the kernel's thread id, and one of these above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Nothing.
    Free,
    /// A thread that is being created; its id is not known yet.
    Starting,
    /// A thread that runs the program's code.
    Running,
    /// A thread that has run all of the program's code and holds nothing; the kernel may still list it.
    Ending,
}

struct All {
    places: [AtomicU64; MAX_THREADS],
    chunks: [AtomicPtr<Thread>; MAX_THREADS / CHUNK],
}

// SAFETY: all of it is atomic integers and pointers, for which zero is valid.
unsafe impl FromZeros for All {}

static ALL: Table<All> = Table::not_made();
/// No place at or above this one was ever used.
static USED: AtomicU32 = AtomicU32::new(0);
/// Where the search for a free place begins.
static HINT: AtomicU32 = AtomicU32::new(0);
/// Takes a free place for a thread that is about to be created; `None` where the table is full or memory is short.
pub fn reserve(origin: Origin) -> Option<&'static Thread> {
    let all = ALL.get()?;
    let start = HINT.load(Ordering::Relaxed) as usize % MAX_THREADS;
    let order = (start..MAX_THREADS).chain(0..start);
    for index in order {
        let place = all.places.get(index)?;
        // One load: what is judged free is what the exchange must still find there.
        let before = place.load(Ordering::Acquire);
        if !is_free(before)
            || place
                .compare_exchange(before, word(Life::Starting, 0), Ordering::AcqRel, Ordering::Relaxed)
                .is_err()
        {
            continue;
        }
        let Some(thread) = record(index) else {
            place.store(0, Ordering::Release);
            return None;
        };
        let number = u32::try_from(index).ok()?;
        USED.fetch_max(number + 1, Ordering::AcqRel);
        HINT.store(number + 1, Ordering::Relaxed);
        thread.prepare(number, origin);
        return Some(thread);
    }
    None
}

/// The thread of this record runs now, under this id.
pub fn run(thread: &Thread, tid: i32) {
    if let Some(place) = place_of(thread) {
        place.store(word(Life::Running, tid), Ordering::Release);
    }
}

/// The thread of this record has run all of the program's code. The place is used again when the kernel has forgotten it.
pub fn end(thread: &Thread) {
    if let Some(place) = place_of(thread) {
        let (_, tid) = unpack(place.load(Ordering::Relaxed));
        place.store(word(Life::Ending, tid), Ordering::Release);
        HINT.fetch_min(thread.index(), Ordering::Relaxed);
    }
}

/// Gives back a place whose thread never came to be.
pub fn cancel(thread: &Thread) {
    if let Some(place) = place_of(thread) {
        place.store(0, Ordering::Release);
        HINT.fetch_min(thread.index(), Ordering::Relaxed);
    }
}

/// Every used place: what it holds, the thread's id, its record.
pub fn all() -> impl Iterator<Item = (Life, i32, &'static Thread)> {
    let used = USED.load(Ordering::Acquire) as usize;
    let places = ALL.if_made().map_or(&[][..], |all| &all.places);
    places.iter().take(used).enumerate().filter_map(|(index, place)| {
        let (life, tid) = unpack(place.load(Ordering::Acquire));
        if life == Life::Free {
            None
        } else {
            Some((life, tid, record(index)?))
        }
    })
}

/// In the child of a fork: this thread, under its new id, is the only one.
pub fn only_this_remains(thread: &Thread, tid: i32) {
    let used = USED.load(Ordering::Relaxed) as usize;
    for place in ALL.if_made().map_or(&[][..], |all| &all.places).iter().take(used) {
        place.store(0, Ordering::Relaxed);
    }
    run(thread, tid);
    HINT.store(0, Ordering::Relaxed);
}

fn is_free(word: u64) -> bool {
    match unpack(word) {
        (Life::Free, _) => true,
        // An ended thread's place is free when the kernel no longer knows the id.
        (Life::Ending, tid) => !task::exists(tid),
        _ => false,
    }
}

fn word(life: Life, tid: i32) -> u64 {
    let life = match life {
        Life::Free => 0_u64,
        Life::Starting => 1,
        Life::Running => 2,
        Life::Ending => 3,
    };
    life << 32 | u64::from(tid.cast_unsigned())
}

fn unpack(word: u64) -> (Life, i32) {
    let life = match word >> 32 {
        1 => Life::Starting,
        2 => Life::Running,
        3 => Life::Ending,
        _ => Life::Free,
    };
    (life, ((word & 0xffff_ffff) as u32).cast_signed())
}

fn place_of(thread: &Thread) -> Option<&'static AtomicU64> {
    ALL.if_made()?.places.get(thread.index() as usize)
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
    use super::{Life, MAX_THREADS, all, cancel, end, reserve, run, unpack, word};
    use crate::state::depot::NO_STACK;
    use crate::state::thread::Origin;

    #[test]
    fn a_word_holds_a_life_and_an_id() {
        assert_eq!(unpack(word(Life::Running, 4_194_304)), (Life::Running, 4_194_304));
        assert_eq!(unpack(0), (Life::Free, 0));
        assert!(u32::try_from(MAX_THREADS).is_ok());
    }

    #[test]
    fn places_come_and_go() {
        let origin = Origin {
            start_routine: 8,
            argument: 9,
            created: NO_STACK,
            creator: 1,
            stack_bytes: 0,
        };
        let thread = reserve(origin).unwrap();
        let index = thread.index();
        let life_of = |wanted| {
            all()
                .find(|(_, _, thread)| thread.index() == wanted)
                .map(|(life, tid, _)| (life, tid))
        };
        assert_eq!(life_of(index), Some((Life::Starting, 0)));
        run(thread, i32::MAX);
        assert_eq!(life_of(index), Some((Life::Running, i32::MAX)));
        end(thread);
        assert_eq!(life_of(index), Some((Life::Ending, i32::MAX)));
        let again = reserve(origin).unwrap();
        assert_eq!(
            again.index(),
            index,
            "the kernel does not know that id, so the place is free"
        );
        cancel(again);
        assert_eq!(life_of(index), None);
    }
}
