//! Guarded reads of a memory that stands still, each stretch of it only once, and no more than a bounded number.

use core::cell::RefCell;
use std::collections::BTreeMap;

use crate::snapshot::memory::ProcessMemory;

/// The bytes read at once.
const STRETCH: usize = 2048;
/// The most stretches read. A read takes about a microsecond, where the kernel allows reading at once.
const MOST_READS: usize = 2048;

/// A memory, and what was read of it.
#[derive(Debug)]
pub struct Pages {
    memory: ProcessMemory,
    kept: RefCell<Kept>,
}

#[derive(Debug)]
struct Kept {
    /// The stretches that could be read, in the order of reading.
    bytes: Vec<u8>,
    /// Where in `bytes` each stretch stands; `None` where not all of it could be read.
    places: BTreeMap<usize, Option<usize>>,
}

impl Pages {
    /// This process's memory, of which nothing was read yet.
    pub fn new() -> Self {
        Self {
            memory: ProcessMemory::own(),
            kept: RefCell::new(Kept {
                // A mapping of its own, of which only what is used is there.
                bytes: Vec::with_capacity(STRETCH * MOST_READS),
                places: BTreeMap::new(),
            }),
        }
    }

    /// Fills all of `into`; false where not all of it can be read.
    pub fn read(&self, address: usize, into: &mut [u8]) -> bool {
        let offset = address % STRETCH;
        let start = address - offset;
        let Ok(mut kept) = self.kept.try_borrow_mut() else {
            return false;
        };
        let Kept { bytes, places } = &mut *kept;
        let place = match places.get(&start) {
            Some(place) => *place,
            None if start == 0 || places.len() >= MOST_READS => return false,
            None => {
                let place = bytes.len();
                bytes.resize(place + STRETCH, 0);
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
        let end = offset + into.len();
        match place.and_then(|place| bytes.get(place + offset..place + end)) {
            Some(found) if end <= STRETCH => {
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

    /// The word at `address`, where it is a pointer to something.
    pub fn pointer(&self, address: usize) -> Option<usize> {
        self.word(address).filter(|&word| word != 0)
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

    #[test]
    fn words_at_any_place() {
        let kept: Vec<u8> = (0..4000_u32).map(|number| (number % 251) as u8).collect();
        let pages = Pages::new();
        for offset in [0, 1, 1000, 1020, 3990] {
            let mut found = [0; 8];
            assert!(pages.read(kept.as_ptr().addr() + offset, &mut found));
            assert_eq!(found, kept[offset..offset + 8]);
        }
        assert_eq!(pages.word(8), None);
        assert_eq!(pages.pointer(usize::MAX - 3), None);
    }
}
