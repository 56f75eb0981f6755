//! Guarded reads of memory that does not change: each range only once, and a bounded number of them.

use core::cell::RefCell;
use std::collections::BTreeMap;

use crate::memory::ProcessMemory;

/// The bytes read at once for many reads, and for few.
const LONG: usize = 2048;
const SHORT: usize = 256;
/// The most stretches read. A read takes about a microsecond, where the kernel allows reading at once.
const MAX_READS: usize = 2048;

/// A memory, and what was read of it.
#[derive(Debug)]
pub struct Pages {
    memory: ProcessMemory,
    stretch: usize,
    kept: RefCell<Kept>,
}

#[derive(Debug)]
struct Kept {
    /// The stretches that could be read, in the order of reading.
    bytes: Vec<u8>,
    /// The place of each range in `bytes`; `None` where not all of it could be read.
    places: BTreeMap<usize, Option<usize>>,
    /// The last range read, and its place: most reads are near the one before.
    last: (usize, Option<usize>),
}

impl Pages {
    /// This memory, for many reads.
    pub fn for_many_reads(memory: ProcessMemory) -> Self {
        // Large enough for a mapping of its own, of which only the used pages are resident.
        Self::new(memory, LONG, Vec::with_capacity(LONG * MAX_READS))
    }

    /// The same, for few reads.
    pub fn for_few_reads(memory: ProcessMemory) -> Self {
        Self::new(memory, SHORT, Vec::new())
    }

    fn new(memory: ProcessMemory, stretch: usize, bytes: Vec<u8>) -> Self {
        Self {
            memory,
            stretch,
            kept: RefCell::new(Kept {
                bytes,
                places: BTreeMap::new(),
                last: (0, None),
            }),
        }
    }

    /// Fills all of `into`; false where not all of it can be read.
    pub fn read(&self, address: usize, into: &mut [u8]) -> bool {
        let offset = address % self.stretch;
        let start = address - offset;
        let Ok(mut kept) = self.kept.try_borrow_mut() else {
            return false;
        };
        let Kept { bytes, places, last } = &mut *kept;
        let known = if last.0 == start && start != 0 {
            Some(last.1)
        } else {
            places.get(&start).copied()
        };
        let place = match known {
            Some(place) => place,
            None if start == 0 || places.len() >= MAX_READS => return false,
            None => {
                let place = bytes.len();
                bytes.resize(place + self.stretch, 0);
                let whole = bytes
                    .get_mut(place..)
                    .is_some_and(|bytes| self.memory.read(start, bytes));
                if !whole {
                    bytes.truncate(place);
                }
                let place = whole.then_some(place);
                places.insert(start, place);
                place
            }
        };
        *last = (start, place);
        let end = offset + into.len();
        match place.and_then(|place| bytes.get(place + offset..place + end)) {
            Some(found) if end <= self.stretch => {
                into.copy_from_slice(found);
                true
            }
            // It goes beyond the stretch, or the stretch has a hole.
            _ => self.memory.read(address, into),
        }
    }

    /// The word at `address`.
    pub fn word(&self, address: usize) -> Option<usize> {
        let mut bytes = [0; 8];
        self.read(address, &mut bytes).then(|| usize::from_ne_bytes(bytes))
    }

    /// The word at `address`, where it may be a pointer to something: then no structure there goes beyond the last address.
    pub fn pointer(&self, address: usize) -> Option<usize> {
        /// No program has memory above this, whatever the processor offers.
        const HIGHEST: usize = 1 << 56;
        self.word(address).filter(|word| (1..HIGHEST).contains(word))
    }

    /// The `int` at `address`.
    pub fn int(&self, address: usize) -> Option<i32> {
        let mut bytes = [0; 4];
        self.read(address, &mut bytes).then(|| i32::from_ne_bytes(bytes))
    }

    /// The byte at `address`.
    pub fn byte(&self, address: usize) -> Option<u8> {
        let mut bytes = [0; 1];
        self.read(address, &mut bytes).then(|| u8::from_ne_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::Pages;
    use crate::memory::ProcessMemory;

    #[test]
    fn words_at_any_place() {
        let kept: Vec<u8> = (0..4000_u32).map(|number| (number % 251) as u8).collect();
        for (pages, offset) in [
            Pages::for_many_reads(ProcessMemory::own()),
            Pages::for_few_reads(ProcessMemory::own()),
        ]
        .iter()
        .flat_map(|pages| [0, 1, 1000, 1020, 3990].map(|offset| (pages, offset)))
        {
            let mut found = [0; 8];
            assert!(pages.read(kept.as_ptr().addr() + offset, &mut found));
            assert_eq!(found, kept[offset..offset + 8]);
        }
        let pages = Pages::for_few_reads(ProcessMemory::own());
        assert_eq!(pages.word(8), None);
        assert_eq!(pages.pointer(usize::MAX - 3), None);
        let words = [4096_usize, 0, usize::MAX - 7];
        let found = [0, 8, 16].map(|offset| pages.pointer(words.as_ptr().addr() + offset));
        assert_eq!(found, [Some(4096), None, None]);
    }
}
