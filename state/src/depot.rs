//! Every distinct stack once, for the whole process and for ever, so that a held lock names its stack in four bytes.
//!
//! Lock-free and append-only, so neither a signal handler nor a fork can find a stack half-written: it is written first, and then
//! linked into its bucket.

use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use crate::system::{FromZeros, System, Table};

/// The most frames a stack may have (`FORKWATCH_DEPTH`'s upper end).
pub const MAX_FRAMES: usize = 64;

/// Bytes for all stacks together. Pages cost nothing until used; a stack of 16 frames takes 144 bytes, so some 110,000
/// fit. When full, acquisitions keep no stack (`NO_STACK`).
const MAX_BYTES: usize = if cfg!(loom) { 8 * 16 } else { 16 << 20 };
const WORDS: usize = MAX_BYTES / 8;
const BUCKETS: usize = if cfg!(loom) { 1 } else { 4096 };
/// Words before the frames: the hash, then length and link.
const HEADER_WORDS: usize = 2;

/// Names a stack in the depot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackId(pub u32);

/// No stack was kept.
pub const NO_STACK: StackId = StackId(0);

/// All stacks, and the chains that find them.
#[derive(Debug)]
struct Stacks {
    buckets: [AtomicU32; BUCKETS],
    words: [AtomicU64; WORDS],
}

// SAFETY: all of it is atomic integers, for which zero is valid.
#[expect(unsafe_code, reason = "a promise about a zeroed table")]
unsafe impl FromZeros for Stacks {
    #[cfg(loom)]
    fn zeros() -> Self {
        Self {
            buckets: core::array::from_fn(|_| AtomicU32::new(0)),
            words: core::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

/// The depot.
#[derive(Debug)]
pub struct Depot<S> {
    stacks: Table<Stacks, S>,
    /// Words in use but for the first, which is never handed out, because id 0 means "no stack".
    used: AtomicUsize,
}

impl<S: System> Depot<S> {
    /// An empty depot.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self {
            stacks: Table::not_made(),
            used: AtomicUsize::new(1),
        }
    }

    /// An empty depot.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self {
            stacks: Table::not_made(),
            used: AtomicUsize::new(1),
        }
    }

    /// The id of this stack: that of an equal one, or a new one. Empty stacks and stacks that no longer fit get [`NO_STACK`].
    pub fn intern(&self, frames: &[usize]) -> StackId {
        let frames = frames.get(..MAX_FRAMES).unwrap_or(frames);
        if frames.is_empty() {
            return NO_STACK;
        }
        let hash = hash_of(frames);
        let Some(stacks) = self.stacks.get() else {
            return NO_STACK;
        };
        let Some(bucket) = stacks.buckets.get(usize::try_from(hash).unwrap_or(0) % BUCKETS) else {
            return NO_STACK;
        };
        // Acquire: pairs with the exchange below, so that a linked stack is a written stack.
        let mut first = bucket.load(Ordering::Acquire);
        let mut seen_until = 0;
        let mut fresh = None;
        loop {
            if let Some(found) = stacks.find(first, seen_until, hash, frames) {
                return found;
            }
            seen_until = first;
            let Some(id) = fresh.or_else(|| self.append(stacks, hash, frames)) else {
                return NO_STACK;
            };
            fresh = Some(id);
            stacks.set_link(id, frames.len(), first);
            // Release: the words of the stack were written before. Acquire: so were those of a faster thread's.
            match bucket.compare_exchange(first, id.0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return id,
                Err(now) => first = now,
            }
        }
    }

    fn append(&self, stacks: &Stacks, hash: u64, frames: &[usize]) -> Option<StackId> {
        let words = HEADER_WORDS + frames.len();
        // Relaxed: gives each caller words of its own; nothing else depends on it.
        let start = self.used.fetch_add(words, Ordering::Relaxed);
        if start + words > WORDS {
            // Otherwise the count would eventually wrap.
            self.used.fetch_sub(words, Ordering::Relaxed);
            return None;
        }
        stacks.write(start, hash);
        for (index, &frame) in frames.iter().enumerate() {
            stacks.write(start + HEADER_WORDS + index, frame as u64);
        }
        Some(StackId(u32::try_from(start).ok()?))
    }

    /// The return addresses of a stack, innermost first; empty for [`NO_STACK`].
    #[cfg(not(loom))]
    pub fn frames(&self, id: StackId) -> &[usize] {
        let Some(stacks) = self.stacks.if_made() else {
            return &[];
        };
        let Some((_, length, _)) = stacks.header(id) else {
            return &[];
        };
        let start = id.0 as usize + HEADER_WORDS;
        let Some(words) = stacks.words.get(start..start + length) else {
            return &[];
        };
        // SAFETY: an id is given out for words that `append` wrote before; nobody writes them again.
        #[expect(unsafe_code, reason = "a slice of words that change no more")]
        unsafe {
            core::slice::from_raw_parts(words.as_ptr().cast::<usize>(), length)
        }
    }

    /// As without loom, whose words are not a slice.
    #[cfg(loom)]
    pub fn frames(&self, id: StackId) -> Vec<usize> {
        let Some(stacks) = self.stacks.if_made() else {
            return Vec::new();
        };
        let length = stacks.header(id).map_or(0, |(_, length, _)| length);
        (0..length).map(|index| stacks.frame(id, index) as usize).collect()
    }

    /// A hash of the stack's addresses, 0 for [`NO_STACK`]. It differs between runs.
    pub fn hash(&self, id: StackId) -> u64 {
        let stacks = self.stacks.if_made();
        stacks
            .and_then(|stacks| stacks.header(id))
            .map_or(0, |(hash, _, _)| hash)
    }
}

impl<S: System> Default for Depot<S> {
    fn default() -> Self {
        Self::new()
    }
}

// Relaxed, here and below: a word is written before its stack is linked, and read only by a thread that has found the link, or got
// the id from one that has.
impl Stacks {
    /// Looks through a bucket's chain from `first` up to, and without, `seen_until`.
    fn find(&self, first: u32, seen_until: u32, hash: u64, wanted: &[usize]) -> Option<StackId> {
        let mut link = first;
        while link != seen_until && link != 0 {
            let id = StackId(link);
            let (its_hash, length, next) = self.header(id)?;
            let mut pairs = wanted.iter().enumerate();
            if its_hash == hash
                && length == wanted.len()
                && pairs.all(|(index, &frame)| self.frame(id, index) == frame as u64)
            {
                return Some(id);
            }
            link = next;
        }
        None
    }

    /// Hash, length and link of a stack.
    fn header(&self, id: StackId) -> Option<(u64, usize, u32)> {
        if id == NO_STACK {
            return None;
        }
        let (hash, second) = (self.read(id.0 as usize), self.read(id.0 as usize + 1));
        Some((hash, (second & 0xffff_ffff) as usize, (second >> 32) as u32))
    }

    fn frame(&self, id: StackId, index: usize) -> u64 {
        self.read(id.0 as usize + HEADER_WORDS + index)
    }

    fn set_link(&self, id: StackId, length: usize, next: u32) {
        self.write(id.0 as usize + 1, length as u64 | u64::from(next) << 32);
    }

    fn read(&self, index: usize) -> u64 {
        self.words.get(index).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    fn write(&self, index: usize, value: u64) {
        if let Some(word) = self.words.get(index) {
            word.store(value, Ordering::Relaxed);
        }
    }
}

fn hash_of(frames: &[usize]) -> u64 {
    frames.iter().fold(0x9e37_79b9_7f4a_7c15, |hash: u64, &frame| {
        (hash ^ frame as u64)
            .wrapping_mul(0xff51_afd7_ed55_8ccd)
            .rotate_left(29)
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Depot, NO_STACK, StackId};
    use crate::system::tests::Kernel;

    static DEPOT: Depot<Kernel> = Depot::new();

    fn intern(frames: &[usize]) -> StackId {
        DEPOT.intern(frames)
    }

    #[test]
    fn equal_stacks_share_an_id_and_keep_their_frames() {
        let (one, two) = ([1, 2, 3], [1, 2, 4]);
        let id = intern(&one);
        assert_ne!(id, NO_STACK);
        assert_eq!(intern(&one), id);
        assert_ne!(intern(&two), id);
        assert_eq!(DEPOT.frames(id), one);
        assert_ne!(DEPOT.hash(id), DEPOT.hash(intern(&two)));
        assert_eq!(
            (intern(&[]), DEPOT.frames(NO_STACK).len(), DEPOT.hash(NO_STACK)),
            (NO_STACK, 0, 0)
        );
    }

    #[test]
    fn threads_that_race_agree_on_content() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (1..2000_usize).map(|n| intern(&[7, n, n / 3])).collect::<Vec<_>>()))
            .collect();
        for thread in threads {
            for (n, id) in (1..2000_usize).zip(thread.join().unwrap()) {
                assert_eq!(DEPOT.frames(id), [7, n, n / 3]);
            }
        }
    }
}
