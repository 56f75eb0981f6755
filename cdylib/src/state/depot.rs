//! Every distinct stack once, for the whole process and for ever: a held lock then needs four bytes to name its stack.
//!
//! Lock-free and append-only, so neither a signal handler nor a fork can find it half-done: a stack is written first and
//! linked into its bucket afterwards.
#![expect(unsafe_code, reason = "slices into a region that is never given back")]

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::system::region::{FromZeros, Table};

/// The most frames a stack may have (`FORKWATCH_DEPTH`'s upper end).
pub const MAX_FRAMES: usize = 64;

/// Bytes for all stacks together. Pages cost nothing until used; a stack of 16 frames takes 144 bytes, so some 110,000
/// fit. When full, acquisitions keep no stack (`NO_STACK`), which is counted.
const MAX_BYTES: usize = 16 << 20;
const BUCKETS: usize = 4096;
/// Words before the frames: the hash, then length and link.
const HEADER_WORDS: usize = 2;

/// Names a stack in the depot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackId(pub u32);

/// No stack was kept.
pub const NO_STACK: StackId = StackId(0);

/// All stacks, and the chains that find them.
struct Depot {
    buckets: [AtomicU32; BUCKETS],
    words: [AtomicU64; MAX_BYTES / 8],
}

// SAFETY: all of it is atomic integers, for which zero is valid.
unsafe impl FromZeros for Depot {}

static DEPOT: Table<Depot> = Table::not_made();
/// Words in use. Word 0 is never handed out, because id 0 means "no stack".
static USED: AtomicUsize = AtomicUsize::new(1);
/// Stacks that did not fit.
pub static DROPPED: AtomicU64 = AtomicU64::new(0);

/// The id of this stack: that of an equal one, or a new one. Empty stacks and stacks that no longer fit get [`NO_STACK`].
pub fn intern(frames: &[usize]) -> StackId {
    let frames = frames.get(..MAX_FRAMES).unwrap_or(frames);
    if frames.is_empty() {
        return NO_STACK;
    }
    let hash = hash_of(frames);
    let bucket = DEPOT
        .get()
        .and_then(|depot| depot.buckets.get(usize::try_from(hash).unwrap_or(0) % BUCKETS));
    let Some(bucket) = bucket else { return NO_STACK };
    // Acquire: pairs with the Release below, so a linked stack is a written stack.
    let mut first = bucket.load(Ordering::Acquire);
    let mut seen_until = 0;
    let mut fresh = None;
    loop {
        if let Some(found) = find(first, seen_until, hash, frames) {
            return found;
        }
        seen_until = first;
        let Some(id) = fresh.or_else(|| append(hash, frames)) else {
            DROPPED.fetch_add(1, Ordering::Relaxed);
            return NO_STACK;
        };
        fresh = Some(id);
        set_link(id, frames.len(), first);
        match bucket.compare_exchange(first, id.0, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return id,
            Err(now) => first = now,
        }
    }
}

/// The return addresses of a stack, innermost first; empty for [`NO_STACK`].
pub fn frames(id: StackId) -> &'static [usize] {
    let Some((_, length, _)) = header(id) else { return &[] };
    let Some(start) = word_at(id.0 as usize + HEADER_WORDS) else {
        return &[];
    };
    // SAFETY: `append` wrote this many words here before the id existed; nobody writes them again, and the region stays.
    unsafe { core::slice::from_raw_parts(start.as_ptr().cast::<usize>(), length) }
}

/// A hash of the stack's addresses, 0 for [`NO_STACK`]. It differs between runs.
pub fn hash(id: StackId) -> u64 {
    header(id).map_or(0, |(hash, _, _)| hash)
}

/// Looks through a bucket's chain from `first` up to, and without, `seen_until`.
fn find(first: u32, seen_until: u32, hash: u64, frames_wanted: &[usize]) -> Option<StackId> {
    let mut link = first;
    while link != seen_until && link != 0 {
        let id = StackId(link);
        let (its_hash, _, next) = header(id)?;
        if its_hash == hash && frames(id) == frames_wanted {
            return Some(id);
        }
        link = next;
    }
    None
}

fn append(hash: u64, frames: &[usize]) -> Option<StackId> {
    let words = HEADER_WORDS + frames.len();
    let start = USED.fetch_add(words, Ordering::Relaxed);
    if (start + words) * 8 > MAX_BYTES {
        return None;
    }
    let place = word_at(start)?;
    // SAFETY: the words from `start` on were reserved for this call alone, and lie within the region.
    unsafe {
        place.write(hash);
        let into = place.add(HEADER_WORDS).as_ptr().cast::<usize>();
        core::ptr::copy_nonoverlapping(frames.as_ptr(), into, frames.len());
    }
    Some(StackId(u32::try_from(start).ok()?))
}

fn set_link(id: StackId, length: usize, next: u32) {
    if let Some(place) = word_at(id.0 as usize + 1) {
        // SAFETY: the id is not linked yet, so this thread alone knows the word.
        unsafe { place.write(length as u64 | u64::from(next) << 32) };
    }
}

/// Hash, length and link of a stack.
fn header(id: StackId) -> Option<(u64, usize, u32)> {
    if id == NO_STACK {
        return None;
    }
    let place = word_at(id.0 as usize)?;
    // SAFETY: an id is given out only for words that were written before (see `intern`).
    let (hash, second) = unsafe { (place.read(), place.add(1).read()) };
    Some((hash, (second & 0xffff_ffff) as usize, (second >> 32) as u32))
}

fn word_at(index: usize) -> Option<NonNull<u64>> {
    let word = DEPOT.if_made()?.words.get(index)?;
    NonNull::new(word.as_ptr())
}

fn hash_of(frames: &[usize]) -> u64 {
    frames.iter().fold(0x9e37_79b9_7f4a_7c15, |hash: u64, &frame| {
        (hash ^ frame as u64)
            .wrapping_mul(0xff51_afd7_ed55_8ccd)
            .rotate_left(29)
    })
}

#[cfg(test)]
mod tests {
    use super::{NO_STACK, frames, hash, intern};

    #[test]
    fn equal_stacks_share_an_id_and_keep_their_frames() {
        let (one, two) = ([1, 2, 3], [1, 2, 4]);
        let id = intern(&one);
        assert_ne!(id, NO_STACK);
        assert_eq!(intern(&one), id);
        assert_ne!(intern(&two), id);
        assert_eq!(frames(id), one);
        assert_ne!(hash(id), hash(intern(&two)));
        assert_eq!((intern(&[]), frames(NO_STACK).len(), hash(NO_STACK)), (NO_STACK, 0, 0));
    }

    #[test]
    fn threads_that_race_agree_on_content() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (1..2000_usize).map(|n| intern(&[7, n, n / 3])).collect::<Vec<_>>()))
            .collect();
        for thread in threads {
            for (n, id) in (1..2000_usize).zip(thread.join().unwrap()) {
                assert_eq!(frames(id), [7, n, n / 3]);
            }
        }
    }
}
