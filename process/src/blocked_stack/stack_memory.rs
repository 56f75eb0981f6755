//! A thread's stack, read in pieces.

use core::ops::Range;

use crate::memory::ProcessMemory;
use crate::unwind::Words;

/// A thread's stack, read in pieces.
#[derive(Debug)]
pub(super) struct StackMemory {
    memory: ProcessMemory,
    start: usize,
    bytes: Vec<u8>,
}

impl StackMemory {
    /// The stacks in `memory`.
    pub(super) fn new(memory: ProcessMemory) -> Self {
        Self {
            memory,
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// Forgets what was read: another thread's stack changes.
    pub(super) fn forget(&mut self) {
        self.bytes.clear();
    }

    fn kept_word(&self, address: usize) -> Option<usize> {
        let offset = address.checked_sub(self.start)?;
        let word: Range<usize> = offset..offset.checked_add(size_of::<usize>())?;
        Some(usize::from_ne_bytes(self.bytes.get(word)?.try_into().ok()?))
    }
}

impl Words for StackMemory {
    fn word(&mut self, address: usize) -> Option<usize> {
        if let Some(value) = self.kept_word(address) {
            return Some(value);
        }
        // Frames are asked for from the innermost outwards, so read ahead; a stack's end is at most this far.
        const PIECE: usize = 8 << 10;
        self.start = address;
        self.bytes.resize(PIECE, 0);
        let read = self.memory.read_some(address, &mut self.bytes);
        self.bytes.truncate(read);
        self.kept_word(address)
    }
}
