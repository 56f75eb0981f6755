//! The words of this thread's stack, which is read only where it is known to be mapped.
#![expect(unsafe_code, reason = "words of this thread's own stack")]

use forkwatch_process::memory::ProcessMemory;
use forkwatch_process::unwind::Words;

use crate::state::own_stack_bounds;

const WORD: usize = size_of::<usize>();

/// How much is read at once through the kernel.
const PIECE: usize = 256;

/// The stack that the calling thread runs on.
#[derive(Debug)]
pub(super) struct OwnStack {
    low: usize,
    high: usize,
    /// How much of the stack is left, where that is known.
    left: Option<usize>,
    /// Whether the kernel reads what lies elsewhere: another stack of this thread, whose bounds are not known.
    beyond: bool,
    piece: [u8; PIECE],
    piece_start: usize,
    piece_length: usize,
}

impl OwnStack {
    /// The words above `stack_pointer`, which is this thread's own or lower, up to the end of this thread's stack, if it runs on
    /// that. `beyond`: the kernel reads what lies elsewhere.
    pub(super) fn above(stack_pointer: usize, beyond: bool) -> Self {
        let (low, high) = own_stack_bounds::get();
        let is_known = (low..high).contains(&stack_pointer);
        Self {
            low: stack_pointer,
            high: if is_known { high } else { stack_pointer },
            left: is_known.then(|| stack_pointer - low),
            beyond,
            piece: [0; PIECE],
            piece_start: 0,
            piece_length: 0,
        }
    }

    /// Whether enough of the stack is left for a walk, as far as is known.
    pub(super) fn is_enough(&self) -> bool {
        self.left.is_none_or(|left| left >= super::MIN_STACK)
    }

    /// Whether a frame may end at `address`.
    pub(super) fn may_end_at(&self, address: usize) -> bool {
        address.is_multiple_of(WORD) && (self.beyond || (self.low..=self.high).contains(&address))
    }

    fn read(&mut self, address: usize) -> Option<usize> {
        let offset = address.wrapping_sub(self.piece_start);
        if offset >= self.piece_length {
            self.piece_start = address;
            self.piece_length = ProcessMemory::own().read_some(address, &mut self.piece);
        }
        let offset = address.wrapping_sub(self.piece_start);
        let piece = self.piece.get(..self.piece_length)?;
        Some(usize::from_ne_bytes(*piece.get(offset..)?.first_chunk()?))
    }
}

impl Words for OwnStack {
    fn word(&mut self, address: usize) -> Option<usize> {
        if !address.is_multiple_of(WORD) {
            return None;
        }
        if self.low <= address && address < self.high {
            let place = core::ptr::with_exposed_provenance::<usize>(address);
            // SAFETY: aligned, and between the stack pointer and the end of the stack that it points into.
            return Some(unsafe { place.read_volatile() });
        }
        if self.beyond { self.read(address) } else { None }
    }
}
