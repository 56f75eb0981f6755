//! Guarded reads of a memory that stands still, each stretch of it only once, and no more than a bounded number.

use core::cell::RefCell;

use crate::snapshot::memory::ProcessMemory;

/// The bytes read at once.
const STRETCH: usize = 1024;
/// The stretches kept.
const KEPT: usize = 256;
/// The most reads; one takes a microsecond at most, where the kernel allows reading at once.
const MOST_READS: usize = 6000;

/// A memory, and what was read of it.
#[derive(Debug)]
pub struct Pages {
    memory: ProcessMemory,
    kept: RefCell<Kept>,
}

#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    /// The address of each kept stretch; 0 where there is none.
    starts: Vec<usize>,
    reads: usize,
}

impl Pages {
    /// This process's memory, of which nothing was read yet.
    pub fn new() -> Self {
        Self {
            memory: ProcessMemory::own(),
            kept: RefCell::new(Kept {
                bytes: vec![0; STRETCH * KEPT],
                starts: vec![0; KEPT],
                reads: 0,
            }),
        }
    }

    /// Fills all of `into`; false where not all of it can be read.
    pub fn read(&self, address: usize, into: &mut [u8]) -> bool {
        let offset = address % STRETCH;
        if address < STRETCH {
            return false;
        }
        let Ok(mut kept) = self.kept.try_borrow_mut() else {
            return false;
        };
        let kept = &mut *kept;
        let start = address - offset;
        let slot = (start / STRETCH) % KEPT;
        let place = slot * STRETCH;
        if kept.starts.get(slot) != Some(&start) {
            if kept.reads >= MOST_READS {
                return false;
            }
            kept.reads += 1;
            let whole = kept
                .bytes
                .get_mut(place..place + STRETCH)
                .is_some_and(|bytes| self.memory.read(start, bytes));
            if let Some(known) = kept.starts.get_mut(slot) {
                *known = if whole { start } else { 0 };
            }
            if !whole {
                return self.memory.read(address, into);
            }
        }
        let found = kept
            .bytes
            .get(place + offset..(place + offset + into.len()).min(place + STRETCH));
        match found {
            Some(found) if found.len() == into.len() => {
                into.copy_from_slice(found);
                true
            }
            // Beyond the stretch.
            _ => {
                kept.reads += 1;
                self.memory.read(address, into)
            }
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
